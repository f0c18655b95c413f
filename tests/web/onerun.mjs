/** The page of one run: head, steps over time, what a step was given and gave. */
import { startWorker } from './home.mjs'
import { assert, LIMIT, live, until } from './kit.mjs'

export default async function (kit) {
  const { server } = kit

  await kit.check('steps fill in live, without a reload', async () => {
    const run = await server.run('waits-in-the-middle')
    await kit.with(`runs/${run}`, async (page) => {
      await live(page)
      await page.locator('[data-step="MIDDLE"][data-status="RUNNING"]').waitFor()
      await page.locator('[data-step="AFTER"][data-status="PENDING"]').waitFor()
      await page.getByText('at the gate').first().waitFor()
      await page.evaluate(() => { globalThis.neverReloaded = true })
      await kit.picture(page, 'run-live-light')
      kit.letGo(run)
      await page.locator('[data-step="AFTER"][data-status="SUCCEEDED"]').waitFor({ timeout: LIMIT })
      await page.locator('header [data-status="SUCCEEDED"]').waitFor()
      assert(await page.evaluate(() => globalThis.neverReloaded), 'the page was reloaded')
      assert((await page.title()).startsWith('✓ SUCCEEDED · waits-in-the-middle'), await page.title())
    })
  })

  await kit.check('who asked for a cancel and when is said, and stays after a reload', async () => {
    const run = await server.run('waits-at-the-gate')
    await kit.with(`runs/${run}`, async (page) => {
      await live(page)
      await page.locator('[data-step="GATE"][data-status="RUNNING"]').waitFor()
      // Asked for, and not a moment earlier shown as done.
      await page.route('**/cancel', async (route) => {
        await page.getByRole('button', { name: 'Canceling the run of waits-at-the-gate' }).waitFor()
        await page.locator('header [data-status="RUNNING"]').waitFor()
        await route.continue()
      })
      await page.locator('header [data-act="cancel"]').click()
      await page.locator('header [data-status="CANCELED"]').waitFor()
      const { body } = await server.call('GET', `admin/jobs/runs/${run}`)
      const asked = body.run.cancel_requested_at
      assert(Date.parse(asked) >= Date.parse(body.run.started_at) && Date.parse(asked) <= Date.parse(body.run.finished_at), JSON.stringify(body.run))
      await page.reload()
      const fact = page.locator('dl > div', { hasText: 'Cancel requested' })
      await fact.getByText(body.run.cancel_requested_by).waitFor()
      assert(await fact.locator('time').getAttribute('datetime') === asked, await fact.innerHTML())
    })
  })

  await kit.check('a step says its number, type, time and rows', async () => {
    const run = await server.run('quick-check')
    await server.reaches(run, 'SUCCEEDED')
    await kit.with(`runs/${run}`, async (page) => {
      await page.getByRole('button', { name: /^SUCCEEDED 1 CHECK python .* 105 Rows$/ }).waitFor()
    })
  })

  await kit.check('the runs beside a run are reached from it, however old it is', async () => {
    const before = await server.run('quick-check')
    await server.reaches(before, 'SUCCEEDED')
    const run = await server.run('quick-check')
    await server.reaches(run, 'SUCCEEDED')
    for (let i = 0; i < 52; i++) await server.reaches(await server.run('quick-check'), 'SUCCEEDED')
    const { body } = await server.call('GET', 'admin/jobs/runs?job=quick-check')
    assert(!body.runs.some((each) => each.id === run), 'the run is still on the first page')
    await kit.with(`runs/${run}`, async (page) => {
      await page.getByRole('button', { name: 'Previous run of the job' }).click()
      await page.waitForURL((url) => url.pathname.endsWith(before))
      await page.getByRole('button', { name: 'Next run of the job' }).click()
      await page.waitForURL((url) => url.pathname.endsWith(run))
      await page.keyboard.press(']')
      await page.waitForURL((url) => !url.pathname.endsWith(run))
    })
  })

  const failed = await server.run('billing-nightly-rebuild')
  await server.reaches(failed, 'FAILED')

  await kit.check('the first failure is named, and one key away', () => kit.with(`runs/${failed}`, async (page) => {
    await page.getByRole('alert').filter({ hasText: 'Step rebuild failed on attempt 2' }).waitFor()
    await page.locator('h1').click()
    await page.keyboard.press('f')
    await page.waitForURL(/step=1/)
    await page.getByText('ValueError').first().waitFor()
    await kit.picture(page, 'run-failed-light')
  }))

  await kit.check('a step opens with its input and output, each attempt can be chosen, and both are in the address', () => kit.with(`runs/${failed}`, async (page) => {
    await page.locator('[data-step="rebuild"]').click()
    await page.getByText('Input', { exact: true }).waitFor()
    await page.getByLabel('Attempt', { exact: true }).selectOption('1')
    await page.waitForURL(/step=1.*attempt=1/)
    await page.reload()
    await page.getByText('Input', { exact: true }).waitFor()
    assert(await page.getByLabel('Attempt', { exact: true }).inputValue() === '1', 'the attempt was forgotten')
  }))

  await kit.check('a chosen step filters the log when asked to, and a ruler stands between its attempts', () => kit.with(`runs/${failed}`, async (page) => {
    await page.getByRole('combobox', { name: 'A step' }).selectOption('filters the log')
    await page.locator('[data-step="rebuild"]').click()
    const only = (name) => until(page, (step) => {
      const steps = [...document.querySelectorAll('.log-line:not([hidden]) .log-step')]
      return steps.length > 0 && steps.every((each) => each.textContent.startsWith(step))
    }, name)
    await only('rebuild')
    await page.locator('.log-ruler:not([hidden])', { hasText: 'rebuild · attempt 2' }).waitFor()
    await page.locator('[data-step="rebuild"]').click()
    await page.locator('[data-step="read-orders"]').click()
    await only('read-orders')
  }))

  await kit.check('the timeline is one tab stop and moves with the arrow keys', () => kit.with(`runs/${failed}`, async (page) => {
    await page.locator('[data-step="read-orders"]').focus()
    await page.keyboard.press('ArrowDown')
    await until(page, () => document.activeElement.dataset.step === 'rebuild')
    assert(await page.locator('[data-step][tabindex="0"]').count() === 1, 'more than one tab stop')
  }))

  await kit.check('repeat as it was begins a run from the failed step', () => kit.with(`runs/${failed}`, async (page) => {
    await page.getByRole('button', { name: `Actions on run ${failed}` }).click()
    await page.getByRole('menuitem', { name: /^Repeat as it was, from rebuild/ }).click()
    await page.waitForURL((url) => /\/runs\//.test(url.pathname) && !url.pathname.endsWith(failed))
    await page.getByRole('link', { name: failed }).waitFor()
    await page.locator('header [data-status="FAILED"]').waitFor({ timeout: LIMIT })
  }))

  await kit.check('values that were changed for the run are marked', async () => {
    const run = await server.run('nomasx1-security-1', { params: { apps_id: 20 } })
    await server.reaches(run, 'SUCCEEDED')
    await kit.with(`runs/${run}`, async (page) => {
      await page.getByText('changed for this run').first().waitFor()
      await kit.picture(page, 'run-params-light')
    })
  })

  await kit.check('a run is compared with the last success', async () => {
    const run = await server.run('nomasx1-security-1', { params: { apps_id: 30 } })
    await server.reaches(run, 'SUCCEEDED')
    await kit.with(`runs/${run}?compare=success`, async (page) => {
      await page.getByText('apps_id: 30 ← 20').waitFor()
      await kit.picture(page, 'run-compare-light')
    })
  })

  await kit.check('the split moves with the arrow keys and is remembered', () => kit.with(`runs/${failed}`, async (page) => {
    const bar = page.getByRole('separator')
    const before = Number(await bar.getAttribute('aria-valuenow'))
    await bar.focus()
    await page.keyboard.press('ArrowLeft')
    await page.reload()
    assert(Number(await bar.getAttribute('aria-valuenow')) === before - 2, 'the width was forgotten')
  }))

  await kit.check('the run page shows the same after a restart of the server', async () => {
    await kit.with(`runs/${failed}`, async (page) => {
      await live(page)
      kit.expected.push(/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|Failed to fetch|network error|Failed to load/)
      await server.stop()
      await page.locator('[data-live="offline"]').waitFor()
      const { startServer } = await import('./home.mjs')
      const again = await startServer(process.env.NOMAFLOW_BIN, server.home, server.listen)
      Object.assign(server, again)
      await page.locator('[data-live="offline"] button').click().catch(() => {})
      await page.locator('[data-live="live"]').waitFor({ timeout: LIMIT })
      await page.reload()
      await page.locator('header [data-status="FAILED"]').waitFor()
      await page.getByRole('alert').filter({ hasText: 'Step rebuild failed on attempt 2' }).waitFor()
      await page.locator('[data-step="read-orders"][data-status="SUCCEEDED"]').waitFor()
      await page.locator('[data-step="rebuild"][data-status="FAILED"]').waitFor()
      await page.locator('.log-text', { hasText: 'month 2026-10 has 2 tenants' }).first().waitFor()
    })
  })

  await kit.check('a run that is not there says so and shows others', () => kit.with('runs/1m834t0x0dz00', async (page) => {
    kit.expected.push(/status of 404/)
    await page.getByText('There is no such run').waitFor()
    await page.locator('[data-run]').first().waitFor()
  }))

  await kit.check('dragging over the bars zooms, 0 shows the whole again, and no step is chosen by it', () => kit.with(`runs/${failed}`, async (page) => {
    await page.locator('[data-step="rebuild"] [data-bars]').waitFor()
    const { x, y, width, height } = await page.locator('[data-step="rebuild"] [data-bars]').boundingBox()
    await page.mouse.move(x + width * 0.2, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.6, y + height / 2, { steps: 4 })
    await page.mouse.up()
    await page.locator('[data-zoomed="true"]').waitFor()
    assert(!page.url().includes('step='), 'a step was chosen')
    await page.keyboard.press('0')
    await page.locator('[data-zoomed="false"]').waitFor()
  }))

  await kit.check('the line of the failure is one click away', () => kit.with(`runs/${failed}`, async (page) => {
    await page.getByRole('button', { name: 'Show the line' }).click()
    await page.waitForURL(/#L\d+$/)
  }))

  await kit.check('the version of the definition is said, and a comparison names what differs in it', async () => {
    const before = await server.run('quick-check')
    await server.reaches(before, 'SUCCEEDED')
    const { body: source, etag } = await server.call('GET', 'admin/jobs/quick-check/source')
    const job = { ...source.job, steps: [{ ...source.job.steps[0], timeout_seconds: 77 }] }
    const saved = await server.call('PUT', 'admin/jobs/quick-check', { job }, { 'if-match': etag ?? `"${source.etag}"` })
    assert(saved.status === 200, JSON.stringify(saved.body))
    const after = await server.run('quick-check')
    await server.reaches(after, 'SUCCEEDED')
    await kit.with(`runs/${after}?compare=${before}`, async (page) => {
      await page.getByText('steps.CHECK.timeout_seconds: 77 ← 3600').waitFor()
      await page.getByText(/^version \d+, as it is now$/).waitFor()
    })
  })

  await kit.check('a step in a blocking call that heeds no cancel is given up long before 30 seconds are over', async () => {
    const made = await server.call('POST', 'admin/jobs', { app: 'shop', text: '[[jobs]]\nid = "never-listens"\n[[jobs.steps]]\nname = "BLOCK"\ntype = "python"\ncallable = "shop.work:stubborn"\n' })
    assert(made.status < 300, JSON.stringify(made.body))
    const run = await server.run('never-listens')
    await kit.with(`runs/${run}`, async (page) => {
      await page.getByText('not listening').waitFor()
      await page.locator('header [data-act="cancel"]').click()
      await page.locator('header [data-status="CANCELED"]').waitFor()
      await page.locator('[data-step="BLOCK"][data-status="CANCELED"]').waitFor()
      const { cancel_requested_at: asked, finished_at: over } = (await server.call('GET', `admin/jobs/runs/${run}`)).body.run
      assert(Date.parse(over) - Date.parse(asked) < 30_000, `it took from ${asked} to ${over}`)
    })
  })

  for (const [theme, slow, where] of [['light', 'It has not stopped after 30 s', 'How the processes are'], ['dark', 'Elle ne s’est pas arrêtée en 30 s', 'État des processus']]) {
    await kit.check(`a cancel without effect says after 30 seconds why, and what one can do: ${theme}`, async () => {
      const worker = await startWorker(process.env.NOMAFLOW_BIN, server, `far-${theme}`)
      try {
        // On a machine that is slow enough the process is given up before the page is read; then once more.
        for (let more = 3, isSeen = false; !isSeen; more--) {
          assert(more > 0, 'every time the process was given up before the page had told')
          const run = await server.run('waits-at-the-gate', { placement: `label:far-${theme}` })
          await kit.with(null, async (page) => {
            await page.clock.install()
            await page.goto(new URL(`runs/${run}`, server.url).href)
            await live(page)
            await page.locator('[data-step="GATE"][data-status="RUNNING"]').waitFor()
            await hang(worker)
            await page.locator('header [data-act="cancel"]').click()
            const notice = page.locator('[data-canceling]')
            await notice.waitFor()
            assert(!(await notice.innerText()).includes(slow), 'it is explained before it is slow')
            await page.clock.fastForward(31_000)
            const over = page.locator('header [data-status="CANCELED"]').waitFor({ timeout: LIMIT }).then(() => '')
            const text = await Promise.race([notice.filter({ hasText: slow }).innerText({ timeout: LIMIT }), over])
            isSeen = text !== ''
            if (isSeen) {
              const { owner } = (await server.call('GET', `admin/jobs/runs/${run}`)).body.run
              assert(owner !== '' && text.includes(owner) && text.includes(where), text)
              await kit.picture(page, `run-cancel-slow-${theme}`)
              await kit.accessible(page)
            }
            worker.signal('SIGCONT')
            await over
          }, theme === 'dark' ? { colorScheme: 'dark', locale: 'fr-FR' } : {})
          kit.letGo(run)
        }
      } finally {
        worker.signal('SIGCONT')
        await worker.stop()
      }
    })
  }

  /** Stops a process as it is, but not while it writes: the others could not write either. */
  async function hang(worker) {
    for (let more = 5; more > 0; more--) {
      worker.signal('SIGSTOP')
      if ((await server.call('PUT', 'admin/secrets/PROBE', { value: 'the store takes this' })).status < 300) return
      worker.signal('SIGCONT')
    }
    throw new Error('the store takes nothing')
  }
}
