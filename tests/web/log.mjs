/** The log of a run: whole, searched, filtered, linked, copied. */
import { readFileSync } from 'node:fs'
import { assert, LIMIT, live, until } from './kit.mjs'

const visible = '.log-line:not([hidden])'

/** The lines on screen are there, and the rulers between them: nothing moves any more. */
const settled = (page) => until(page, () => {
  const lines = [...document.querySelectorAll('.log-line:not([hidden]) .log-text')]
  return lines.length > 0 && lines.every((each) => each.textContent !== '…') && document.querySelector('.log-ruler:not([hidden])') !== null
})

/** The lines on screen are there, wherever in the log that is. */
const loaded = (page) => until(page, () => {
  const lines = [...document.querySelectorAll('.log-line:not([hidden]) .log-text')]
  return lines.length > 0 && lines.every((each) => each.textContent !== '…')
})

export default async function (kit) {
  const { server } = kit
  const run = await server.run('writes-a-long-log', { params: { lines: 5000 } })
  await server.reaches(run, 'SUCCEEDED')
  const { body } = await server.call('GET', `admin/jobs/runs/${run}/logs?from=0&limit=1`)
  const { total } = body

  await kit.check('the log is whole: as many lines as the server has, each with its own number', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByText(`${total.toLocaleString('en')} lines`, { exact: true }).first().waitFor()
    const numbers = await page.locator(`${visible} .log-number`).allInnerTexts()
    assert(numbers.length > 20 && new Set(numbers).size === numbers.length, `numbers repeat: ${numbers.join(' ')}`)
    await kit.picture(page, 'run-log-light')
  }))

  await kit.check('search counts every line, goes from match to match and wraps', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByLabel('Search all lines').fill('ORA-01555')
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await page.keyboard.press('Enter')
    await page.getByText('1 / 5').waitFor()
    // The line may have to be fetched first.
    await page.locator('.log-selected .log-text', { hasText: 'ORA-01555' }).waitFor()
    await page.keyboard.press('Shift+Enter')
    await page.getByText('5 / 5').waitFor()
  }))

  await kit.check('search takes case and patterns, and says when a pattern is none', () => kit.with(`runs/${run}`, async (page) => {
    const box = page.getByLabel(/^Search (all|the loaded) lines$/)
    await box.fill('ora-01555')
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await page.getByRole('button', { name: 'Match case' }).click()
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '0')
    await page.getByRole('button', { name: 'Regular expression' }).click()
    await box.fill('chunk [1-3]000:')
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '3')
    kit.expected.push(/status of 400/, /status of 422/)
    await box.fill('chunk (')
    await page.getByText('not a regular expression').waitFor()
  }))

  await kit.check('levels and steps filter with the original numbers, and say how many pass', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByLabel('Lowest level shown').selectOption('ERROR')
    await page.getByText('5 lines shown').first().waitFor()
    await until(page, () => [...document.querySelectorAll('.log-line:not([hidden]) .log-text')].every((each) => each.textContent.includes('ORA-01555')))
    await page.getByLabel('Lowest level shown').selectOption('DEBUG')
    await page.getByLabel('Step', { exact: true }).selectOption('GOODBYE')
    await until(page, () => [...document.querySelectorAll('.log-line:not([hidden]) .log-step')].every((each) => each.textContent === 'GOODBYE'))
  }))

  await kit.check('what is filtered and searched stands in the address: a reload and a pasted link show the same', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByLabel('Lowest level shown').selectOption('WARNING')
    await page.getByLabel('Step', { exact: true }).selectOption('TALK')
    await page.getByLabel('Search all lines').fill('ORA-0[0-9]+')
    await page.getByRole('button', { name: 'Regular expression' }).click()
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await page.waitForURL((url) => url.searchParams.get('level') === 'WARNING' && url.searchParams.get('log') === 'TALK' && url.searchParams.get('q') === 'ORA-0[0-9]+' && url.searchParams.get('how') === 'regex')
    await page.locator(`${visible} .log-number`, { hasText: /\d/ }).first().click()
    const { hash, href } = new URL(page.url())
    assert(hash.startsWith('#L') && href.includes('level=WARNING'), href)
    const again = await page.context().newPage()
    await again.goto(href)
    await until(again, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await again.getByText('50 lines shown').first().waitFor()
    assert(await again.getByLabel('Lowest level shown').inputValue() === 'WARNING' && await again.getByRole('button', { name: 'Regular expression' }).getAttribute('aria-pressed') === 'true', 'the filter was forgotten')
    // A step that is chosen beside the log keeps what was searched.
    await page.locator('[data-step="GOODBYE"]').click()
    await page.waitForURL((url) => url.searchParams.get('step') !== null && url.searchParams.get('q') === 'ORA-0[0-9]+')
  }))

  await kit.check('lines of the run itself and of steps are told apart, and each level says how many there are', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByRole('button', { name: '5 ERROR' }).waitFor()
    await page.getByRole('button', { name: /^[\d,]+ INFO$/ }).waitFor()
    await page.getByLabel('Written by').selectOption('Nomaflow only')
    await until(page, () => [...document.querySelectorAll('.log-line:not([hidden]) .log-step')].every((each) => each.textContent === ''))
    await page.getByText(/^\d+ lines shown$/).first().waitFor()
    await page.getByLabel('Written by').selectOption('Steps only')
    await until(page, () => {
      const steps = [...document.querySelectorAll('.log-line:not([hidden]) .log-step')]
      return steps.length > 10 && steps.every((each) => each.textContent !== '')
    })
  }))

  await kit.check('only matches can be shown, with three lines around each', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByLabel('Search all lines').fill('ORA-01555')
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await page.getByRole('button', { name: 'What is shown of the search' }).click()
    await page.getByRole('menuitem', { name: 'Matches with 3 lines around' }).click()
    await page.getByText('35 lines shown').first().waitFor()
    await until(page, () => {
      const lines = [...document.querySelectorAll('.log-line:not([hidden]) .log-text')].map((each) => each.textContent)
      return lines.length > 20 && !lines.includes('…') && lines[3].includes('ORA-01555') && !lines[2].includes('ORA-01555')
    })
    await page.getByRole('button', { name: 'What is shown of the search' }).click()
    await page.getByRole('menuitem', { name: 'Matches only' }).click()
    await page.getByText('5 lines shown').first().waitFor()
    await page.getByLabel('Search all lines').fill('')
    await page.getByText(`${total.toLocaleString('en')} lines`, { exact: true }).first().waitFor()
  }))

  await kit.check('a ruler stands over the lines of each step, stays while one reads them, and folds them away', () => kit.with(`runs/${run}`, async (page) => {
    const ruler = page.locator('.log-ruler:not([hidden])', { hasText: 'TALK' })
    await ruler.waitFor()
    const view = page.locator('.log-view')
    await view.evaluate((each) => { each.scrollTop = 4000 })
    const sticky = page.getByRole('button', { name: /^TALK · / })
    await sticky.waitFor()
    assert(await sticky.getAttribute('aria-expanded') === 'true', 'it is not said to be unfolded')
    await sticky.click()
    await page.locator('.log-ruler:not([hidden])', { hasText: 'GOODBYE' }).waitFor()
    await until(page, () => [...document.querySelectorAll('.log-line:not([hidden]) .log-step')].every((each) => each.textContent !== 'TALK'))
    await page.locator('.log-ruler:not([hidden])', { hasText: 'TALK' }).click()
    await until(page, () => [...document.querySelectorAll('.log-line:not([hidden]) .log-step')].some((each) => each.textContent === 'TALK'))
  }))

  await kit.check('the column beside the log shows where it fails, and a click goes there', () => kit.with(`runs/${run}`, async (page) => {
    await until(page, () => document.querySelectorAll('.log-map .log-mark-error').length === 5)
    const box = await page.locator('.log-map').boundingBox()
    await page.mouse.click(box.x + box.width / 2, box.y + box.height * 0.5)
    await page.locator('.log-line.log-selected').waitFor()
    const line = Number(/#L(\d+)/.exec(page.url())?.[1] ?? (await page.locator('.log-selected .log-number').innerText()))
    assert(Math.abs(line - total / 2) < total * 0.02, `line ${line} of ${total}`)
  }))

  await kit.check('the log fills the window when asked, at an address of its own, and opens as plain text', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByRole('link', { name: 'Only the log' }).click()
    await page.waitForURL(/view=log/)
    await page.getByRole('separator').waitFor({ state: 'hidden' })
    await page.reload()
    await page.getByRole('link', { name: 'The log beside the steps' }).click()
    await page.getByRole('separator').waitFor()
    await page.getByRole('button', { name: 'Download', exact: true }).click()
    const [tab] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('menuitem', { name: 'As plain text in a new tab' }).click()])
    await tab.getByText('chunk 1000: ORA-01555').waitFor()
  }))

  await kit.check('dragging along the numbers selects lines, and Ctrl C copies their text', () => kit.with(`runs/${run}`, async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await settled(page)
    const at = (n) => page.locator(`${visible} .log-number`, { hasText: new RegExp(`^${n}$`) })
    const [first, last] = [await at(8).boundingBox(), await at(12).boundingBox()]
    await page.mouse.move(first.x + 10, first.y + 10)
    await page.mouse.down()
    await page.mouse.move(first.x + 10, first.y + 40)
    await page.mouse.move(last.x + 10, last.y + 10)
    await page.mouse.up()
    await page.getByRole('toolbar', { name: 'Lines 8 to 12' }).waitFor()
    assert(new URL(page.url()).hash === '#L8-L12', page.url())
    await page.locator('.log-view').focus()
    await page.keyboard.press('Control+c')
    await page.waitForFunction(async () => (await navigator.clipboard.readText()).split('\n').length === 5)
  }))

  await kit.check('a click on a number makes the link, Shift makes a range, and the link leads back to it', () => kit.with(`runs/${run}`, async (page) => {
    await settled(page)
    await page.locator(`${visible} .log-number`, { hasText: /^10$/ }).click()
    assert(new URL(page.url()).hash === '#L10', page.url())
    await page.locator(`${visible} .log-number`, { hasText: /^14$/ }).click({ modifiers: ['Shift'] })
    assert(new URL(page.url()).hash === '#L10-L14', page.url())
    await page.goto(new URL(`runs/${run}#L4321-L4330`, server.url).href)
    await page.reload()
    await until(page, () => document.querySelectorAll('.log-line:not([hidden]).log-selected').length === 10)
    await page.getByRole('toolbar', { name: 'Lines 4,321 to 4,330' }).waitFor()
  }))

  await kit.check('the text of selected lines is copied without numbers, also where it is not loaded', () => kit.with(`runs/${run}#L10-L3500`, async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy the text' }).click()
    await page.getByText('Copied', { exact: true }).waitFor()
    const text = await page.evaluate(() => navigator.clipboard.readText())
    assert(text.split('\n').length === 3491, `${text.split('\n').length} lines`)
    assert(text.includes('chunk 3000: ORA-01555') && !/^\d+ /m.test(text), text.slice(0, 200))
  }))

  await kit.check('a line opens in full, columns and wrapping are remembered', () => kit.with(`runs/${run}`, async (page) => {
    await settled(page)
    await page.locator(`${visible} .log-text`).nth(3).dblclick()
    await page.getByRole('dialog', { name: 'Line 4' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Columns' }).click()
    await page.getByRole('menuitem', { name: 'Time since the start' }).click()
    await until(page, () => /^\+\d/.test(document.querySelector('.log-line:not([hidden]) .log-time').textContent))
    await page.locator('h1').click()
    await page.keyboard.press('w')
    await page.locator('.log-view[data-wrap="true"]').waitFor()
    await page.reload()
    await page.locator('.log-view[data-wrap="true"]').waitFor()
  }))

  const wide = await server.run('writes-wide-lines')
  await server.reaches(wide, 'SUCCEEDED')

  await kit.check('wrapped lines are as tall as was computed, and what is read stays where it is', () => kit.with(`runs/${wide}?view=log`, async (page) => {
    await settled(page)
    await page.evaluate(() => document.fonts.ready)
    await page.locator('h1').click()
    await page.keyboard.press('w')
    await page.locator('.log-view[data-wrap="true"]').waitFor()
    /** Of the lines on screen, those whose height is another than the one they were given. */
    const wrong = () => page.evaluate(() => [...document.querySelectorAll('.log-line:not([hidden])')].flatMap((line) => {
      const text = line.querySelector('.log-text')
      const rows = Math.round(text.getBoundingClientRect().height / 20)
      return line.getBoundingClientRect().height === Number.parseFloat(line.style.minHeight) && rows * 20 === Number.parseFloat(line.style.minHeight) ? [] : [`${line.querySelector('.log-number').textContent}: ${rows} rows of text in ${line.style.minHeight}, ${text.textContent.slice(0, 30)}`]
    }))
    for (const width of [1440, 1003, 600]) {
      await page.setViewportSize({ width, height: 800 })
      for (const part of [0, 0.31, 0.77, 1]) {
        await page.locator('.log-view').evaluate((view, at) => { view.scrollTop = view.scrollHeight * at }, part)
        await loaded(page)
        await until(page, () => [...document.querySelectorAll('.log-line:not([hidden])')].every((line) => line.getBoundingClientRect().height === Number.parseFloat(line.style.minHeight)))
        const found = await wrong()
        assert(found.length === 0, `${width} px wide, at ${part}: ${found.slice(0, 3).join(' | ')}`)
      }
    }
    await kit.picture(page, 'run-log-wrapped-light')
    // The last line stands at the end, in full.
    await page.locator('.log-view').focus()
    await page.keyboard.press('End')
    await loaded(page)
    await until(page, () => {
      const view = document.querySelector('.log-view')
      const last = [...document.querySelectorAll('.log-line:not([hidden])')].at(-1)
      return Math.abs(last.getBoundingClientRect().bottom - (view.getBoundingClientRect().top + view.clientHeight)) < 1
    })
    // A line in the middle stays in its place when lines before it are loaded, folded to one row, or wrapped again.
    await page.setViewportSize({ width: 1440, height: 800 })
    await page.goto(new URL(`runs/${wide}?view=log#L1700`, server.url).href)
    await page.reload()
    await loaded(page)
    const place = () => page.locator('.log-line.log-selected').evaluate((line) => Math.round(line.getBoundingClientRect().top))
    await page.locator('.log-line.log-selected').waitFor()
    const before = await place()
    for (let i = 0; i < 3; i++) {
      await page.keyboard.press('w')
      await page.locator(`.log-view[data-wrap="${i % 2 === 1}"]`).waitFor()
      await page.waitForFunction((top) => Math.abs(document.querySelector('.log-line.log-selected').getBoundingClientRect().top - top) <= 1, before)
    }
  }))

  await kit.check('a line that is too long is cut and says so, and opens in full', () => kit.with(`runs/${wide}?view=log`, async (page) => {
    await page.getByLabel('Search all lines').fill('the long one')
    await page.getByText('0 / 1').waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.log-more', { hasText: 'show all 9,014 characters' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('pre').waitFor()
    assert((await dialog.locator('pre').innerText()).length === 9014, 'it is not the whole line')
  }))

  await kit.check('j and k go from line to line, and each is read out', () => kit.with(`runs/${run}#L1000`, async (page) => {
    await page.locator('.log-line.log-selected .log-text', { hasText: /./ }).waitFor()
    const said = (words) => page.locator('[data-spoken]', { hasText: words }).waitFor({ state: 'attached' })
    await said(/^Line 1,000, /)
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.keyboard.press('k')
    await said(/^Line 1,001, [A-Z]+, \d\d:\d\d:\d\d, TALK: c/)
    assert(new URL(page.url()).hash === '#L1001', page.url())
    await page.locator('.log-view').focus()
    await page.keyboard.press('ArrowUp')
    await said(/^Line 1,000, /)
    await page.getByLabel('Search all lines').fill('ORA-01555')
    await until(page, () => document.querySelector('[data-hits]')?.dataset.hits === '5')
    await page.keyboard.press('Enter')
    await said(/ERROR, .*ORA-01555 snapshot too old$/)
  }))

  await kit.check('the log is downloaded whole', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByRole('button', { name: 'Download', exact: true }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'The whole log as text', exact: true }).click()])
    const stream = await file.createReadStream()
    let lines = 0
    for await (const chunk of stream) lines += chunk.toString().split('\n').length - 1
    assert(lines === total, `${lines} of ${total} lines`)
    assert(file.suggestedFilename() === `writes-a-long-log_${run}.log`, file.suggestedFilename())
  }))

  await kit.check('one step, or what the filter shows, is downloaded under its name', () => kit.with(`runs/${run}`, async (page) => {
    await page.getByLabel('Step', { exact: true }).selectOption('TALK')
    await page.getByLabel('Lowest level shown').selectOption('ERROR')
    await page.getByText('5 lines shown').first().waitFor()
    await page.getByRole('button', { name: 'Download', exact: true }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'What the filter shows, as text', exact: true }).click()])
    assert(file.suggestedFilename() === `writes-a-long-log_${run}_TALK.log`, file.suggestedFilename())
    const text = readFileSync(await file.path(), 'utf8').trimEnd().split('\n')
    assert(text.length === 5 && text.every((line) => line.includes('ORA-01555')), text.join(' | ').slice(0, 300))
  }))

  await kit.check('a log that cannot be read says so in its panel; head and steps stay, and it comes back', () => kit.with(null, async (page) => {
    kit.expected.push(/status of 503/)
    let isBroken = true
    await page.route('**/logs?**', (route) => (isBroken ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"title":"The store does not answer","status":503}' }) : route.continue()))
    await page.goto(new URL(`runs/${run}`, server.url).href)
    await page.getByText('The log could not be read.').waitFor()
    await page.getByText('The store does not answer').first().waitFor()
    await page.locator('header [data-status="SUCCEEDED"]').waitFor()
    await page.locator('[data-step="TALK"]').click()
    await page.getByText('Input', { exact: true }).waitFor()
    await kit.picture(page, 'run-log-broken-light')
    isBroken = false
    await page.getByRole('button', { name: 'Try again' }).first().click()
    await loaded(page)
  }))

  await kit.check('a log of three million lines, taller than an element may be, has its last line at the end and links that lead to their line', () => kit.with(null, async (page) => {
    // To write one takes minutes; the lines of this one are made on their way.
    const lines = 3_000_000
    const line = (seq) => ({ seq, at: '2026-11-22T02:00:00Z', level: 'INFO', step: 'TALK', attempt: 1, step_index: 1, message: `this is line ${seq + 1}` })
    await page.route(`**/admin/jobs/runs/${run}`, async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, json: { ...await answer.json(), log_total: lines } })
    })
    await page.route(`**/admin/jobs/runs/${run}/logs**`, (route) => {
      const url = new URL(route.request().url())
      const from = Number(url.searchParams.get('from'))
      const limit = Math.min(Number(url.searchParams.get('limit')), lines - from)
      return url.pathname.endsWith('/logs') ? route.fulfill({ json: { run_id: run, from, total: lines, lines: Array.from({ length: limit }, (_, i) => line(from + i)) } }) : route.fulfill({ status: 404, json: {} })
    })
    await page.goto(new URL(`runs/${run}`, server.url).href)
    await loaded(page)
    await page.locator('.log-view').focus()
    await page.keyboard.press('End')
    await page.locator(`${visible} .log-text`, { hasText: `this is line ${lines}` }).waitFor()
    await until(page, () => {
      const view = document.querySelector('.log-view').getBoundingClientRect()
      const last = [...document.querySelectorAll('.log-line:not([hidden])')].at(-1).getBoundingClientRect()
      return last.bottom <= view.bottom + 1
    })
    await page.goto(new URL(`runs/${run}#L1700001`, server.url).href)
    await page.reload()
    await page.locator('.log-line.log-selected .log-text', { hasText: 'this is line 1700001' }).waitFor()
  }))

  await kit.check('following a live log yields to the reader and comes back at the end', async () => {
    // It writes for longer than this takes, however busy the machine is.
    const slow = await server.run('writes-a-long-log', { params: { lines: 100_000, per_second: 400 } })
    await kit.with(`runs/${slow}`, async (page) => {
      await live(page)
      await until(page, () => document.querySelectorAll('.log-line:not([hidden])').length > 25)
      const view = page.locator('.log-view')
      await view.hover()
      await page.mouse.wheel(0, -400)
      await page.getByRole('button', { name: 'Follow', exact: true }).waitFor()
      const top = await view.evaluate((each) => each.scrollTop)
      await page.getByRole('button', { name: /new lines?$/ }).waitFor()
      assert(await view.evaluate((each) => each.scrollTop) === top, 'the position moved while one reads')
      await view.focus()
      await page.keyboard.press('End')
      await page.getByRole('button', { name: 'Following' }).waitFor()
      await server.call('POST', `admin/jobs/runs/${slow}/cancel`)
      await page.locator('header [data-status="CANCELED"]').waitFor({ timeout: LIMIT })
    })
  })

  await kit.check('colors of the terminal are classes and addresses are links', async () => {
    const other = await server.run('quick-check')
    await server.reaches(other, 'SUCCEEDED')
    await kit.with(`runs/${other}`, async (page) => {
      await page.locator('.ansi-2', { hasText: 'copied' }).waitFor()
      const link = page.locator('.log-text a').first()
      assert(await link.getAttribute('rel') === 'noopener noreferrer', 'the link tells where it comes from')
    })
  })
}
