/** The jobs page: the sentences of the seeds' catalogue page, each as a test on the real server. */
import { breakCatalogue } from './home.mjs'
import { assert, card, LIMIT, live, until } from './kit.mjs'

export default async function (kit) {
  const { server } = kit

  await kit.check('it opens by default and lists every declared job, scheduled or manual-only, enabled or paused', () => kit.with('', async (page) => {
    await page.waitForURL(/\/jobs$/)
    const { body } = await server.call('GET', 'admin/jobs')
    for (const job of body.jobs) await card(page, job.id).waitFor()
  }))

  await kit.check('the catalogue is sorted alphabetically by id', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.waitForFunction(() => document.querySelectorAll('[data-job]').length >= 8)
    const ids = await page.locator('[data-job]').evaluateAll((all) => all.map((each) => each.dataset.job))
    assert(ids.join() === [...ids].sort().join(), ids.join())
  }))

  await kit.check('every card carries the same nine pieces', async () => {
    const run = await server.run('nomajde-daily-sync')
    await server.reaches(run, 'SUCCEEDED')
    await kit.with('jobs', async (page) => {
      const job = card(page, 'nomajde-daily-sync')
      await job.getByRole('link', { name: 'nomajde-daily-sync', exact: true }).waitFor()
      await job.getByRole('link', { name: 'Last run of nomajde-daily-sync: SUCCEEDED' }).waitFor()
      const text = await job.innerText()
      for (const piece of ['jde-sync', 'etl', 'Daily sync of JDE control + data dictionary tables to Nomajde.', '30 2 * * *', 'next in', 'last', '7 steps']) assert(text.includes(piece), `${piece} is missing: ${text}`)
      assert(await job.getByRole('switch', { name: 'nomajde-daily-sync enabled' }).getAttribute('aria-checked') === 'true', 'the toggle is not on')
      assert((await card(page, 'quick-check').innerText()).includes('manual-only'), 'a job without a schedule does not say manual-only')
    })
  })

  await kit.check('click anywhere in the row title to view its details', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').getByRole('link', { name: 'quick-check', exact: true }).click()
    await page.waitForURL(/\/jobs\/quick-check$/)
    await page.getByRole('heading', { name: 'quick-check' }).waitFor()
  }))

  await kit.check('clicking the last-run badge opens that run', () => kit.with('jobs', async (page) => {
    const badge = card(page, 'nomajde-daily-sync').getByRole('link', { name: /^Last run of/ })
    const href = await badge.getAttribute('href')
    await badge.click()
    await page.waitForURL((url) => url.pathname === new URL(href, url).pathname)
  }))

  await kit.check('New Job opens the editor on a blank job', () => kit.with('jobs', async (page) => {
    await page.getByRole('link', { name: 'New job' }).click()
    await page.waitForURL(/\/jobs\/new$/)
  }))

  await kit.check('Schedule view opens the calendar', () => kit.with('jobs', async (page) => {
    await page.getByRole('link', { name: 'Schedule view' }).click()
    await page.waitForURL(/\/schedule$/)
  }))

  await kit.check('Reload re-reads the files and says what changed; a rejected file shows until it is mended', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    const broken = breakCatalogue(server.home)
    await page.getByRole('button', { name: 'Reload', exact: true }).click()
    await page.getByText(/\d+ jobs read: .*1 added.*rejected/).waitFor()
    await card(page, 'broken-import').getByText('INVALID').waitFor()
    assert(await card(page, 'broken-import').getByRole('button', { name: 'Run now: broken-import' }).isDisabled(), 'a job with errors can be run')
    await kit.picture(page, 'jobs-rejected-light')
    broken.mend()
    await page.getByRole('button', { name: 'Reload', exact: true }).click()
    await page.getByText(/\d+ jobs read: .*1 removed/).waitFor()
    await card(page, 'broken-import').waitFor({ state: 'detached' })
  }))

  await kit.check('Edit opens the editor of the job', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').getByRole('link', { name: 'Edit quick-check' }).click()
    await page.waitForURL(/\/jobs\/quick-check\/edit$/)
  }))

  await kit.check('a single-step job with no params and no op_kwargs fires immediately', () => kit.with('jobs', async (page) => {
    await live(page)
    await card(page, 'waits-at-the-gate').getByRole('button', { name: 'Run now: waits-at-the-gate' }).click()
    await card(page, 'waits-at-the-gate').locator('[data-status="RUNNING"]').waitFor()
    assert(await page.getByRole('dialog').count() === 0, 'a dialog opened')
    const busy = card(page, 'waits-at-the-gate').getByRole('button', { name: 'Busy: waits-at-the-gate' })
    assert(await busy.isDisabled(), 'the button is not disabled while the run is in flight')
    await card(page, 'waits-at-the-gate').getByText('log streaming live').waitFor()
    await page.locator('[data-flight="waits-at-the-gate"]').waitFor()
    await kit.picture(page, 'jobs-running-light')
    const run = await activeRun(server, 'waits-at-the-gate')
    const document = await server.call('GET', `admin/jobs/runs/${run}`)
    assert(/^(user:|api)/.test(document.body.run.triggered_by), `triggered by ${document.body.run.triggered_by}`)
    kit.letGo(run)
    await card(page, 'waits-at-the-gate').locator('[data-status="SUCCEEDED"]').waitFor({ timeout: LIMIT })
    await page.locator('[data-flight="waits-at-the-gate"]').waitFor({ state: 'detached' })
  }))

  for (const [why, job] of [['shared params', 'nomasx1-security-1'], ['op_kwargs or more than one step', 'billing-nightly-rebuild']]) {
    await kit.check(`a job with ${why} opens the run-with-parameters dialog`, () => kit.with('jobs', async (page) => {
      await card(page, job).getByRole('button', { name: `Run now: ${job}` }).click()
      await page.getByRole('dialog').getByRole('heading', { name: `Run ${job}` }).waitFor()
    }))
  }

  await kit.check('Shift and a click open the dialog in every case', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').getByRole('button', { name: 'Run now: quick-check' }).click({ modifiers: ['Shift'] })
    await page.getByRole('dialog').getByRole('heading', { name: 'Run quick-check' }).waitFor()
  }))

  await kit.check('Cancel sends a cancellation; the remaining steps do not run and the state moves to CANCELED', () => kit.with('jobs', async (page) => {
    await live(page)
    const run = await server.run('waits-in-the-middle')
    await card(page, 'waits-in-the-middle').getByText('MIDDLE').waitFor()
    await card(page, 'waits-in-the-middle').getByText(/step 2 \/ 3/).waitFor()
    await card(page, 'waits-in-the-middle').getByRole('button', { name: 'Cancel the run of waits-in-the-middle' }).click()
    await card(page, 'waits-in-the-middle').locator('[data-status="CANCELED"]').waitFor({ timeout: LIMIT })
    const { body } = await server.call('GET', `admin/jobs/runs/${run}`)
    assert(body.steps.find((step) => step.name === 'AFTER').started_at === null, 'the step after ran')
    assert(await card(page, 'waits-in-the-middle').getByRole('button', { name: /^Cancel/ }).count() === 0, 'Cancel is still there')
  }))

  await kit.check('a run that somebody else starts lands on the card with its badge, without a reload', () => kit.with('jobs', async (page) => {
    await live(page)
    await card(page, 'quick-check').waitFor()
    await page.evaluate(() => { globalThis.neverReloaded = true })
    const before = await card(page, 'quick-check').locator('a[href*="/runs/"]').first().getAttribute('href').catch(() => null)
    const run = await server.run('quick-check')
    await until(page, ([id]) => document.querySelector('[data-job="quick-check"] a[href*="/runs/"]')?.getAttribute('href').endsWith(id), [run])
    assert(before !== run && await page.evaluate(() => globalThis.neverReloaded), 'the page was reloaded')
  }))

  await kit.check('when nothing is in flight the page is quiet: no request but the stream', () => kit.with('jobs', async (page) => {
    await live(page)
    await card(page, 'quick-check').waitFor()
    await page.waitForLoadState('domcontentloaded')
    await page.waitForTimeout(1500)
    const requests = []
    page.on('request', (request) => requests.push(request.url()))
    await page.waitForTimeout(6000)
    assert(requests.length === 0, requests.join(' '))
  }))

  await kit.check('the filter finds by id, description and tag; facets work as typed text and in the address', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('tag:etl security')
    await until(page, () => [...document.querySelectorAll('[data-job]')].map((each) => each.dataset.job).join() === 'nomasx1-security-1')
    await page.waitForURL(/q=tag/)
    await page.getByRole('status').filter({ hasText: '1 of' }).waitFor()
    await page.getByLabel('Filter jobs').fill('')
    await page.getByRole('combobox', { name: 'Enabled' }).selectOption('no')
    await until(page, () => [...document.querySelectorAll('[data-job]')].map((each) => each.dataset.job).join() === 'nomasx1-audit-trail-1')
    // What was typed goes into the address a moment later.
    await page.waitForURL((url) => !url.search.includes('q='))
    await page.reload()
    await until(page, () => [...document.querySelectorAll('[data-job]')].map((each) => each.dataset.job).join() === 'nomasx1-audit-trail-1')
  }))

  await kit.check('what is typed survives ten updates a second', () => kit.with('jobs', async (page) => {
    await live(page)
    await card(page, 'quick-check').waitFor()
    const storm = (async () => {
      for (let i = 0; i < 12; i++) await server.run('quick-check').catch(() => {})
    })()
    await page.getByLabel('Filter jobs').focus()
    const text = 'a twenty letter text'
    await page.keyboard.type(text, { delay: 60 })
    await storm
    assert(await page.getByLabel('Filter jobs').inputValue() === text, `the box has ${await page.getByLabel('Filter jobs').inputValue()}`)
    assert(await page.evaluate(() => document.activeElement.type) === 'search', 'the focus went away')
  }))

  await kit.check('a job with a schedule that is switched off says that it will not fire', () => kit.with('jobs', async (page) => {
    await card(page, 'nomasx1-audit-trail-1').getByText('it will not fire').waitFor()
  }))

  await kit.check('the enabled toggle is a real save with a spinner, and Run now still works on a disabled job', () => kit.with('jobs', async (page) => {
    const job = card(page, 'waits-at-the-gate')
    const toggle = job.getByRole('switch')
    await toggle.click()
    await until(page, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-checked') === 'false')
    const { body } = await server.call('GET', 'admin/jobs/waits-at-the-gate')
    assert(body.enabled === false, 'the server still has it enabled')
    assert(await job.getByRole('button', { name: 'Run now: waits-at-the-gate' }).isEnabled(), 'a disabled job cannot be run by hand')
    await toggle.click()
    await until(page, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-checked') === 'true')
  }))

  await kit.check('the table has the same jobs and sorts; the choice outlives a reload', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByRole('button', { name: 'Table', exact: true }).click()
    await page.getByRole('table', { name: 'Jobs' }).waitFor()
    await page.getByRole('button', { name: 'Job', exact: true }).click()
    await page.waitForURL(/sort=-id/)
    const ids = await page.locator('[data-job]').evaluateAll((all) => all.map((each) => each.dataset.job))
    assert(ids.join() === [...ids].sort().toReversed().join(), ids.join())
    await page.reload()
    await page.getByRole('table', { name: 'Jobs' }).waitFor()
    await kit.picture(page, 'jobs-table-light')
  }))

  await kit.check('groups carry their count and their worst state', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByRole('combobox', { name: 'Group by' }).selectOption('tag')
    await page.locator('summary').filter({ hasText: 'jde-sync' }).waitFor()
    await page.locator('summary').filter({ hasText: 'maintenance' }).filter({ hasText: '3' }).waitFor()
  }))

  await kit.check('a bulk change lists exactly the jobs it touches and says how each went', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByRole('button', { name: 'Select', exact: true }).click()
    await page.getByRole('checkbox', { name: 'Select quick-check' }).check()
    await page.getByRole('checkbox', { name: 'Select nomajde-daily-sync' }).check()
    await page.getByRole('toolbar').getByRole('button', { name: 'Run', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('li').nth(1).waitFor()
    assert((await dialog.locator('li .mono').allInnerTexts()).join() === 'nomajde-daily-sync,quick-check', 'the dialog lists other jobs')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await dialog.getByRole('button', { name: 'Copy this for each of them' }).click()
    await page.getByRole('menuitem', { name: 'Copy as command line' }).click()
    await dialog.getByText('Command line copied').waitFor()
    assert(await page.evaluate(() => navigator.clipboard.readText()) === 'nomaflow job run nomajde-daily-sync --detach\nnomaflow job run quick-check --detach', 'the clipboard has something else')
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    await until(page, () => [...document.querySelectorAll('dialog li')].every((each) => each.textContent.includes('done')))
    await dialog.getByRole('button', { name: 'Close' }).click()
  }))

  await kit.check('j moves from job to job and r runs the one in focus', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.locator('h1').click()
    await page.keyboard.press('j')
    const first = await page.evaluate(() => document.activeElement.closest('[data-job]')?.dataset.job)
    await page.keyboard.press('j')
    const second = await page.evaluate(() => document.activeElement.closest('[data-job]')?.dataset.job)
    assert(first && second && first < second, `${first} then ${second}`)
    await page.keyboard.press('o')
    await page.waitForURL(new RegExp(`/jobs/${second}$`))
  }))
}

async function activeRun(server, job) {
  const { body } = await server.call('GET', 'admin/jobs')
  return body.jobs.find((each) => each.id === job).active_run_id
}
