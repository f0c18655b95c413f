/** Health: the sentence on top, the checks, the processes, the pause everybody sees. */
import { readFile } from 'node:fs/promises'
import { startServer } from './home.mjs'
import { assert, live } from './kit.mjs'

const verdict = (page, of) => page.locator(`[data-verdict="${of}"]`)

export default async function (kit) {
  const page = await kit.open('health')
  await live(page)

  await kit.check('one sentence says whether schedules fire, who fires them, and what is next', async () => {
    await verdict(page, 'good').waitFor()
    const { body } = await kit.server.call('GET', 'admin/jobs/health')
    const text = await verdict(page, 'good').innerText()
    assert(text.includes(body.lease.holder) && text.includes(`${body.jobs} jobs`) && text.includes('next fire'), text)
  })

  await kit.check('every process is there, with what it may do and when it was last seen', async () => {
    const { body } = await kit.server.call('GET', 'admin/jobs/health')
    const row = page.getByRole('row').filter({ hasText: body.replica }).last()
    const text = await row.innerText()
    assert(/has the lease/.test(text) && /answers you/.test(text) && text.includes('0 / 16'), text)
  })

  await kit.check('checks say what is wrong in words, and where to mend it', async () => {
    assert(await page.locator('[data-check="bad"]').count() === 0, 'something is in trouble')
    await page.getByText('There is no transport: nobody is told of failures.').waitFor()
    const { body } = await kit.server.call('GET', 'admin/jobs/health')
    for (const { name } of body.checks) {
      const row = page.locator(`[data-check-name="${name}"]`)
      assert(['ok', 'look'].includes(await row.getAttribute('data-check')), `${name} is in trouble`)
      assert(/since \d/.test(await row.innerText()), `${name} does not say since when: ${await row.innerText()}`)
    }
    const text = await page.getByRole('table', { name: 'Checks' }).innerText()
    for (const part of [/sqlite answers in [\d.]+ ms/, /\d+ schedules? armed/, /[\d.]+ [GM]B free/, /The audit trail knows of none/, /the catalogue was never exported/]) assert(part.test(text), `${part} is not in: ${text}`)
    await kit.accessible(page)
    await kit.picture(page, 'health')
  })

  await kit.check('one file for somebody who helps from afar: settings, versions, the log, and no secret', async () => {
    assert((await kit.server.call('PUT', 'admin/secrets/PLANTED', { value: 'pl4nted-in-the-browser' })).status < 300, 'the secret is not taken')
    // The name of a request stands in the log; the bundle is looked through.
    await kit.server.call('GET', 'admin/diagnostics', undefined, { 'x-request-id': 'pl4nted-in-the-browser' })
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Diagnostic bundle' }).click()])
    assert(download.suggestedFilename() === 'nomaflow-diagnostics.json', download.suggestedFilename())
    const text = await readFile(await download.path(), 'utf8')
    const bundle = JSON.parse(text)
    assert(bundle.about.version && bundle.settings.length > 10 && bundle.health.checks.length > 5, Object.keys(bundle).join())
    assert(bundle.log.lines.some((line) => line.includes('catalogue read')), 'the log is missing')
    assert(text.includes('********') && !text.includes('pl4nted-in-the-browser'), 'the secret is in it')
  })

  await kit.check('a pause with its reason is asked for once and seen on every page', async () => {
    const other = await kit.open('jobs')
    await live(other)
    await page.getByRole('button', { name: 'Pause schedules' }).click()
    await page.getByLabel('Reason').fill('moving the database')
    await kit.accessible(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Pause schedules' }).click()
    await verdict(page, 'paused').waitFor()
    assert((await verdict(page, 'paused').innerText()).includes('moving the database'), 'no reason')
    await other.getByText('moving the database').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'health-paused')
    await page.getByRole('button', { name: 'Resume schedules' }).click()
    await verdict(page, 'good').waitFor()
    await other.getByText('moving the database').waitFor({ state: 'detached' })
    await other.context().close()
  })

  await kit.check('a pause with an end is a maintenance window, by the clock that the page shows', async () => {
    await page.getByLabel('Times').selectOption('utc')
    const until = new Date(Date.now() + 2 * 3_600_000).toISOString().slice(0, 16)
    await page.getByRole('button', { name: 'Pause schedules' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('new disks')
    await dialog.getByLabel('Until').fill(until)
    await dialog.getByText('UTC. Empty: until somebody resumes.').waitFor()
    await kit.picture(page, 'health-pause-dialog')
    await dialog.getByRole('button', { name: 'Pause schedules' }).click()
    await page.getByRole('status').filter({ hasText: 'Maintenance: no schedule fires until' }).filter({ hasText: 'new disks' }).waitFor()
    const { body } = await kit.server.call('GET', 'admin/maintenance')
    const [window] = body.maintenance
    assert(Date.parse(window.to) === Date.parse(`${until}Z`), `${window.to} is not ${until}`)
    await kit.server.call('DELETE', `admin/maintenance/${window.id}`)
    await page.getByText('Maintenance: no schedule fires until').waitFor({ state: 'detached' })
    await page.getByLabel('Times').selectOption('local')
  })

  await kit.check('a run that is under way is counted, and gone from the count when it is over', async () => {
    const run = await kit.server.run('waits-at-the-gate')
    await kit.server.reaches(run, 'RUNNING')
    await page.reload()
    await page.getByRole('link', { name: '1 run in flight' }).waitFor()
    kit.letGo(run)
    await kit.server.reaches(run, 'SUCCEEDED')
    await page.reload()
    await page.getByRole('link', { name: '0 runs in flight' }).waitFor()
  })

  await kit.check('who may run one job sees how things are, and no switch', async () => {
    const { body } = await kit.server.call('POST', 'admin/users', { name: 'olga', permissions: ['job:quick-check'] })
    const context = await kit.open(null, { signedOut: true })
    const signIn = await context.context().request.post(new URL('auth/login', kit.server.url).href, { data: { user: 'olga', password: body.one_time_password } })
    assert(signIn.ok(), `signing in answered ${signIn.status()}`)
    const changed = await context.context().request.post(new URL('auth/password', kit.server.url).href, { data: { old: body.one_time_password, new: 'seven green bottles' } })
    assert(changed.ok(), `the password answered ${changed.status()}`)
    await context.goto(new URL('health', kit.server.url).href)
    await verdict(context, 'good').waitFor()
    assert((await verdict(context, 'good').innerText()).includes('1 job'), 'sees other jobs')
    assert(await context.getByRole('button', { name: 'Pause schedules' }).count() === 0, 'sees the switch')
    for (const path of ['alerts', 'settings/users', 'settings/audit']) {
      await context.goto(new URL(path, kit.server.url).href)
      await context.getByText('You may not see this page').waitFor()
    }
    await context.goto(new URL('settings/tokens', kit.server.url).href)
    await context.getByRole('button', { name: 'New token' }).waitFor()
    assert(await context.getByRole('link', { name: 'Users' }).count() === 0, 'sees the users')
    await context.context().close()
  })

  await kit.check('what to look at is said in the language of the page', async () => {
    const run = await kit.server.run('quick-check', { placement: 'label:nowhere' })
    await kit.with('health', async (french) => {
      await verdict(french, 'bad').waitFor()
      await french.getByText('1 exécution attend un processus qui porte l’étiquette nowhere, et il n’y en a aucun.').waitFor()
      const { body } = await kit.server.call('GET', 'admin/jobs/health')
      const text = await french.locator('main').innerText()
      assert(body.problems.length === 1 && body.remarks[0].text === body.problems[0] && !text.includes(body.problems[0]), text)
      await french.getByRole('link', { name: 'planificateur actif' }).waitFor()
      await kit.accessible(french)
      await kit.picture(french, 'health-problem-fr')
    }, { locale: 'fr-FR' })
    await kit.with('health', (english) => english.getByText('1 run waits for a process with the label nowhere, and there is none.').waitFor())
    await kit.server.call('POST', `admin/jobs/runs/${run}/cancel`)
    await kit.server.reaches(run, 'CANCELED')
  })

  await kit.check('how busy the last day was is drawn, and written as a table', async () => {
    const run = await kit.server.run('quick-check')
    await kit.server.reaches(run, 'SUCCEEDED')
    await page.goto(new URL('health', kit.server.url).href)
    const panel = page.locator('section').filter({ has: page.getByRole('heading', { name: 'How busy it was' }) })
    const chart = panel.getByRole('img', { name: /^Runs at once, by quarters of an hour: \d+ the most/ })
    await chart.waitFor()
    assert(await chart.locator('rect').count() > 96, 'there are fewer bars than quarters')
    await panel.getByRole('img', { name: /^Log lines a second/ }).waitFor()
    await panel.getByText('As a table').click()
    const row = panel.getByRole('table').getByRole('row').nth(1)
    assert(/1/.test(await row.innerText()), await row.innerText())
    await kit.accessible(page)
    await kit.picture(page, 'health-load')
  })

  await kit.check('how accurately schedules fire is told for the span that is chosen', async () => {
    await page.goto(new URL('health', kit.server.url).href)
    const panel = page.locator('section').filter({ has: page.getByRole('heading', { name: 'How accurately schedules fire' }) })
    await panel.getByText('Fires', { exact: true }).waitFor()
    await panel.getByLabel('Span').selectOption('168')
    await panel.getByText('Fires', { exact: true }).waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'health-accuracy')
  })

  await kit.check('health fits a narrow screen, in the dark, in French', async () => {
    await kit.with('health', async (narrow) => {
      await verdict(narrow, 'good').waitFor()
      await kit.fits(narrow)
      await kit.accessible(narrow)
      await kit.picture(narrow, 'health-narrow-dark-fr')
    }, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' })
  })
  await page.context().close()

  const lost = await kit.server.run('waits-at-the-gate')
  await kit.server.reaches(lost, 'RUNNING')
  await kit.server.stop('SIGKILL')
  const again = await startServer(process.env.NOMAFLOW_BIN, kit.server.home, kit.server.listen)
  kit.server = again
  try {
    await again.reaches(lost, 'FAILED')
    await kit.check('runs that were lost with a process are listed and run again together', async () => {
      const after = await kit.open('health')
      await after.getByRole('heading', { name: /^Lost in a restart/ }).waitFor()
      await after.getByRole('button', { name: 'Run these again…' }).click()
      const dialog = after.getByRole('dialog')
      await dialog.locator(`[data-bulk="${lost}"]`).waitFor()
      assert(await dialog.locator('[data-bulk]').count() === 1, 'others are in the list')
      await kit.accessible(after)
      await kit.picture(after, 'health-lost')
      await dialog.getByRole('button', { name: 'Run 1 again' }).click()
      const id = await dialog.locator(`[data-bulk="${lost}"][data-outcome="done"] a`).innerText()
      kit.letGo(id)
      await again.reaches(id, 'SUCCEEDED')
      await after.context().close()
    })
  } finally {
    await again.stop()
  }
}
