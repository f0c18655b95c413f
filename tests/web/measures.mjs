/** The figures of the design, measured and printed. Times fail only where NOMAFLOW_MEASURE_SLACK says by how much they may differ: on a busy machine they say nothing. */
import { assert, card, live, until } from './kit.mjs'

export const options = { more: 500 }

/** How often its limit a time may be. */
const SLACK = Number(process.env.NOMAFLOW_MEASURE_SLACK ?? Infinity)

function report(name, value, unit, limit) {
  console.log(`measure ${name}: ${typeof value === 'number' ? Math.round(value * 10) / 10 : value} ${unit}${limit ? ` (limit ${limit})` : ''}`)
  if (limit) assert(value <= limit * SLACK, `${name} took ${value} ${unit}, the limit is ${limit}`)
}

const percentile = (values, p) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))]

export default async function (kit) {
  const { server } = kit

  await kit.check('the first visit transfers at most 210 kB', () => kit.with(null, async (page) => {
    const session = await page.context().newCDPSession(page)
    await session.send('Network.enable')
    let bytes = 0
    const types = new Map()
    session.on('Network.responseReceived', ({ requestId, response }) => types.set(requestId, response.url))
    session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (!/\/(admin|auth)\//.test(types.get(requestId) ?? '')) bytes += encodedDataLength
    })
    await page.goto(new URL('jobs', server.url).href)
    await card(page, 'quick-check').waitFor()
    await page.evaluate(() => document.fonts.ready)
    report('first visit', bytes / 1000, 'kB', 0)
    assert(bytes <= 210_000, `${bytes} bytes`)
  }))

  await kit.check('a catalogue of 500 jobs paints at once and every keystroke is quick', () => kit.with('jobs', async (page) => {
    await page.locator('[data-job]').first().waitFor()
    await page.reload()
    await page.locator('[data-job]').first().waitFor()
    report('catalogue of 500, first contentful paint', await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0), 'ms', 1000)
    await until(page, () => document.querySelectorAll('[data-job]').length >= 500)
    const box = page.getByLabel('Filter jobs')
    await box.focus()
    const times = []
    for (const key of ['f', 'a', 'm', 'i', 'l', 'y', '-', '3']) {
      times.push(await page.evaluate((letter) => new Promise((resolve) => {
        const input = document.activeElement
        const from = performance.now()
        const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set
        set.call(input, input.value + letter)
        input.dispatchEvent(new Event('input', { bubbles: true }))
        resolve(performance.now() - from)
      }), key))
      await page.waitForTimeout(60)
    }
    report('catalogue of 500, keystroke p95', percentile(times, 0.95), 'ms', 16)
  }))

  await kit.check('the editor of 40 steps with 20 params each: every keystroke is on screen in a frame', async () => {
    const step = (n) => `[[jobs.steps]]\nname = "s${n}"\ntype = "python"\ncallable = "shop.work:copy"\n[jobs.steps.op_kwargs]\n${Array.from({ length: 20 }, (_, i) => `p${i} = "value ${i}"`).join('\n')}\n`
    const made = await server.call('POST', 'admin/jobs', { app: 'shop', text: `[[jobs]]\nid = "forty"\ndescription = ""\n${Array.from({ length: 40 }, (_, n) => step(n)).join('')}` })
    assert(made.status < 300, JSON.stringify(made.body))
    await kit.with('jobs/forty/edit', async (page) => {
      await page.locator('[data-step="s39"] [data-act="open"]').click()
      await page.locator('[data-step-panel]').waitFor()
      const times = []
      for (const pointer of ['/description', '/steps/39/op_kwargs/p7']) {
        await page.locator(`[data-pointer="${pointer}"] :is(input, textarea)`).last().focus()
        for (const key of 'abcdefgh') {
          times.push(await page.evaluate((letter) => new Promise((resolve) => {
            const input = document.activeElement
            const from = performance.now()
            const set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(input), 'value').set
            set.call(input, input.value + letter)
            input.dispatchEvent(new Event('input', { bubbles: true }))
            resolve(performance.now() - from)
          }), key))
          await page.waitForTimeout(60)
        }
      }
      report('editor of 40 steps, keystroke p50', percentile(times, 0.5), 'ms', 0)
      report('editor of 40 steps, keystroke p95', percentile(times, 0.95), 'ms', 16)
    })
  })

  await kit.check('what happens on the server is on screen in a moment', () => kit.with('jobs?q=quick', async (page) => {
    await live(page)
    await card(page, 'quick-check').waitFor()
    await page.evaluate(() => {
      globalThis.appeared = {}
      new MutationObserver(() => {
        const link = document.querySelector('[data-job="quick-check"] a[href*="/runs/"]')
        const id = link?.getAttribute('href').split('/').at(-1)
        if (id) globalThis.appeared[id] ??= Date.now()
      }).observe(document.body, { subtree: true, childList: true, attributes: true })
    })
    const delays = []
    for (let i = 0; i < 20; i++) {
      const run = await server.run('quick-check')
      await page.waitForFunction((id) => globalThis.appeared[id], run)
      await server.reaches(run, 'SUCCEEDED')
      const { body } = await server.call('GET', `admin/jobs/runs/${run}`)
      delays.push(await page.evaluate((id) => globalThis.appeared[id], run) - Date.parse(body.run.queued_at))
    }
    report('event to pixel, p99 of 20', percentile(delays, 0.99), 'ms', 250)
  }))

  await kit.check('a log of 200,000 lines: the last line, random jumps, a search', async () => {
    const run = await server.run('writes-a-long-log', { params: { lines: 200_000 } })
    const deadline = Date.now() + 240_000
    for (;;) {
      const { body } = await server.call('GET', `admin/jobs/runs/${run}`)
      if (body.run.status === 'SUCCEEDED') break
      assert(body.run.status === 'RUNNING' || body.run.status === 'QUEUED', body.run.error)
      assert(Date.now() < deadline, 'it takes too long to write the log')
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
    await kit.with(`runs/${run}`, async (page) => {
      await page.locator('.log-line:not([hidden])').first().waitFor()
      await page.reload()
      await page.locator('.log-view').waitFor()
      const started = Date.now()
      await page.locator('.log-view').focus()
      await page.keyboard.press('End')
      await until(page, () => [...document.querySelectorAll('.log-line:not([hidden])')].some((each) => Number(each.querySelector('.log-number').textContent) > 200_000 && each.querySelector('.log-text').textContent !== '…'))
      report('200,000 lines, last line visible', Date.now() - started, 'ms', 700)
      const frames = await page.evaluate(async () => {
        const view = document.querySelector('.log-view')
        const times = []
        let last = performance.now()
        for (let i = 0; i < 120; i++) {
          view.scrollTop = Math.random() * view.scrollHeight
          await new Promise((resolve) => requestAnimationFrame(resolve))
          times.push(performance.now() - last)
          last = performance.now()
        }
        return times
      })
      report('200,000 lines, 120 random jumps, median frame', percentile(frames, 0.5), 'ms', 17)
      const from = Date.now()
      await page.getByLabel('Search all lines').fill('ORA-01555')
      await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '200')
      report('200,000 lines, search, from the last key on', Date.now() - from, 'ms', 350)
      report('200,000 lines, nodes', await page.evaluate(() => document.querySelectorAll('.log-view *').length), 'nodes', 700)
    })
  })

  await kit.check('1,000 lines a second while following', async () => {
    const run = await server.run('writes-a-long-log', { params: { lines: 8000, per_second: 1000 } })
    await kit.with(`runs/${run}`, async (page) => {
      await live(page)
      await until(page, () => document.querySelectorAll('.log-line:not([hidden])').length > 20)
      const frames = await page.evaluate(async () => {
        const times = []
        let last = performance.now()
        const end = last + 5000
        while (performance.now() < end) {
          await new Promise((resolve) => requestAnimationFrame(resolve))
          times.push(performance.now() - last)
          last = performance.now()
        }
        return times
      })
      report('1,000 lines/s, p95 frame', percentile(frames, 0.95), 'ms', 20)
      await page.locator('header [data-status="SUCCEEDED"]').waitFor()
    })
  })
}
