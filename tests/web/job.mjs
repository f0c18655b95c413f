/** The page of one job. */
import { assert, until } from './kit.mjs'

export default async function (kit) {
  const { server } = kit
  const runs = []
  for (let i = 0; i < 3; i++) {
    runs.push(await server.run('billing-nightly-rebuild'))
    await server.reaches(runs.at(-1), 'FAILED')
  }

  await kit.check('the overview shows steps over runs, moves with the arrow keys and opens a run at a step', () => kit.with('jobs/billing-nightly-rebuild', async (page) => {
    const cell = page.locator('[data-cell="0,0"]')
    await cell.focus()
    await page.keyboard.press('ArrowDown')
    await until(page, () => document.activeElement.dataset.cell === '1,0')
    await until(page, () => /rebuild, run .*: FAILED/.test(document.activeElement.getAttribute('aria-label')))
    await kit.picture(page, 'job-light')
    await page.keyboard.press('Enter')
    await page.waitForURL(new RegExp(`/runs/${runs[0]}\\?step=1`))
  }))

  await kit.check('tabs stand in the address and survive a reload', () => kit.with('jobs/billing-nightly-rebuild', async (page) => {
    await page.getByRole('link', { name: 'Schedules' }).click()
    await page.waitForURL(/tab=schedules/)
    await page.reload()
    await page.getByText('every day at 02:00').waitFor()
    assert(await page.locator('ol li time').count() >= 3, 'the next fires are missing')
    await kit.picture(page, 'job-schedules-light')
  }))

  await kit.check('why a job will or will not run at an instant is answered, and the question is in the address', () => kit.with('jobs/nomasx1-audit-trail-1?tab=schedules', async (page) => {
    await page.getByLabel('Why did it (not) run at').fill('2027-01-01T00:15')
    await page.getByRole('button', { name: 'Ask' }).click()
    await page.getByText(/job `nomasx1-audit-trail-1` is disabled/).waitFor()
    await page.waitForURL(/at=2027/)
  }))

  await kit.check('the definition is the exact text the server holds', () => kit.with('jobs/quick-check?tab=definition', async (page) => {
    const text = await page.locator('pre').first().innerText()
    assert(text.includes('id = "quick-check"') && text.includes('callable = "shop.work:copy"'), text.slice(0, 200))
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy', exact: true }).first().click()
    await page.getByText('Copied').first().waitFor()
    assert((await page.evaluate(() => navigator.clipboard.readText())).trim() === text.trim(), 'the clipboard has something else')
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download', exact: true }).click()])
    assert(file.suggestedFilename() === 'quick-check.toml', file.suggestedFilename())
    // The head does what the card does, and more.
    await page.getByRole('button', { name: 'More about quick-check' }).click()
    const [again] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Download the definition' }).click()])
    assert(again.suggestedFilename() === 'quick-check.toml', again.suggestedFilename())
    await page.getByRole('button', { name: 'More about quick-check' }).click()
    await page.getByRole('menuitem', { name: 'Duplicate' }).click()
    await page.waitForURL(/jobs\/new\?from=quick-check/)
  }))

  await kit.check('a change is listed with who and when, compared with now, and taken back', async () => {
    const { body: source, etag } = await server.call('GET', 'admin/jobs/quick-check/source')
    const patched = await server.call('PATCH', 'admin/jobs/quick-check', { description: 'Another description.' }, { 'if-match': etag ?? source.etag })
    assert(patched.status === 200, `the change answered ${patched.status}`)
    await kit.with('jobs/quick-check?tab=changes', async (page) => {
      await page.locator('[data-version]').first().waitFor()
      await page.getByRole('link', { name: 'Compare with now' }).first().click()
      await page.getByText('Another description.').first().waitFor()
      await page.getByRole('button', { name: 'Restore this version' }).first().click()
      await page.getByRole('dialog').getByRole('button', { name: 'Restore this version' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
      const { body } = await server.call('GET', 'admin/jobs/quick-check')
      assert(body.description.startsWith('One step'), body.description)
    })
  })

  await kit.check('a job that is gone says so', () => kit.with('jobs/never-was', async (page) => {
    kit.expected.push(/status of 404/)
    await page.getByText('no longer in the catalogue').waitFor()
  }))

  await kit.check('a schedule is added, changed and removed on the page of the job', () => kit.with('jobs/quick-check?tab=schedules', async (page) => {
    await page.getByRole('button', { name: 'Add a schedule' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('weekdays')
    await dialog.getByLabel('Cron').fill('15 6 * * 1-5')
    await dialog.getByRole('combobox', { name: 'Time zone' }).fill('Europe/Paris')
    await dialog.locator('[data-preview] li').first().waitFor()
    await kit.picture(page, 'job-schedule-dialog-light')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    const copied = async (request) => {
      await page.getByRole('menuitem', { name: request }).click()
      await page.getByText('HTTP request copied').first().waitFor()
      return page.evaluate(() => navigator.clipboard.readText())
    }
    await dialog.getByRole('button', { name: 'Copy this change' }).click()
    const change = await copied('Copy as HTTP request')
    assert(change.startsWith('curl -X PUT ') && /if-match: "[^"]+"/.test(change) && change.includes('"cron":"15 6 * * 1-5"'), change)
    await dialog.getByRole('button', { name: 'Save schedule' }).click()
    const row = page.locator('[data-schedule="weekdays"]')
    await row.getByText('15 6 * * 1-5').waitFor()
    assert(await row.locator('li time').count() === 10, 'not five fires, each absolute and relative')
    await row.getByRole('switch').click()
    await row.getByText('disabled').waitFor()
    await row.getByText('no next fire').waitFor()
    await row.getByRole('switch').click()
    await row.locator('li time').nth(9).waitFor()
    await row.getByRole('button', { name: 'Copies of weekdays' }).click()
    assert((await copied('Copy as HTTP request: switch it off')).includes('{"schedules":{"weekdays":{"enabled":false}}}'), 'another switch was copied')
    await row.getByRole('button', { name: 'Copies of weekdays' }).click()
    await page.getByRole('menuitem', { name: 'Copy as command line: skip once' }).click()
    await page.getByText('Command line copied').waitFor()
    assert(/^nomaflow job skip-next quick-check --schedule weekdays --at \d{4}-\S+$/.test(await page.evaluate(() => navigator.clipboard.readText())), 'another skip was copied')
    await row.getByRole('button', { name: 'Change schedule weekdays' }).click()
    await dialog.getByLabel('Cron').fill('45 6 * * 1-5')
    await dialog.getByRole('button', { name: 'Save schedule' }).click()
    await row.getByText('45 6 * * 1-5').waitFor()
    await row.getByRole('button', { name: 'Remove schedule weekdays' }).click()
    await dialog.getByRole('button', { name: 'Remove', exact: true }).click()
    await row.waitFor({ state: 'detached' })
    const { body } = await server.call('GET', 'admin/jobs/quick-check')
    assert(body.schedules.length === 0, JSON.stringify(body.schedules))
  }))

  await kit.check('what is wrong with a schedule is said in the dialog, and nothing is saved', () => kit.with('jobs/quick-check?tab=schedules', async (page) => {
    kit.expected.push(/status of 422/)
    await page.getByRole('button', { name: 'Add a schedule' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Cron').fill('99 6 * * *')
    await dialog.getByRole('button', { name: 'Save schedule' }).click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('This job has no schedule').waitFor()
  }))

  await kit.check('a preset is listed, run and scheduled', async () => {
    const { body: source, etag } = await server.call('GET', 'admin/jobs/nomasx1-security-1/source')
    const job = { ...source.job, presets: [{ name: 'tenant-20', params: { apps_id: 20 } }] }
    const saved = await server.call('PUT', 'admin/jobs/nomasx1-security-1', { job }, { 'if-match': etag ?? `"${source.etag}"` })
    assert(saved.status === 200, JSON.stringify(saved.body))
    await kit.with('jobs/nomasx1-security-1?tab=schedules', async (page) => {
      await page.locator('[data-preset-name="tenant-20"]').getByText('apps_id = 20').waitFor()
      await page.getByRole('button', { name: 'Schedule with preset tenant-20' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'Save schedule' }).click()
      await page.locator('[data-schedule="tenant-20"]').getByText('apps_id = 20').waitFor()
      await kit.picture(page, 'job-presets-light')
      await page.getByRole('button', { name: 'Run with preset tenant-20' }).click()
      await dialog.getByText('apps_id: 10 → 20').waitFor()
      await dialog.getByRole('button', { name: 'Run', exact: true }).click()
      await page.waitForURL(/\/runs\//)
      await page.getByText('changed for this run').first().waitFor()
      await page.goBack()
      await page.getByRole('button', { name: 'Remove preset tenant-20' }).click()
      await dialog.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.locator('[data-preset-name="tenant-20"]').waitFor({ state: 'detached' })
    })
  })

  await kit.check('the chart shows the last runs with their median', () => kit.with('jobs/billing-nightly-rebuild', async (page) => {
    await page.locator('[data-chart="3"]').waitFor()
    await page.locator('[data-chart] rect').first().click()
    await page.waitForURL(/\/runs\//)
  }))

  await kit.check('quarantine disables, tags and says why; ending it puts back what was', () => kit.with('jobs/waits-at-the-gate', async (page) => {
    const menu = async (name) => {
      await page.getByRole('button', { name: 'More about waits-at-the-gate' }).click()
      await page.getByRole('menuitem', { name }).click()
    }
    await menu(/^Quarantine/)
    await page.getByRole('dialog').getByLabel('Why').fill('wrong totals since Monday')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('dialog').getByRole('button', { name: 'Copy the quarantine' }).click()
    await page.getByRole('menuitem', { name: 'Copy as HTTP request' }).click()
    await page.getByText('HTTP request copied').waitFor()
    const request = await page.evaluate(() => navigator.clipboard.readText())
    assert(request.startsWith('curl -X PATCH ') && request.includes('"enabled":false') && request.includes('wrong totals since Monday'), request)
    await page.getByRole('dialog').getByRole('button', { name: 'Quarantine', exact: true }).click()
    await page.getByText('In quarantine: wrong totals since Monday').waitFor()
    const away = (await server.call('GET', 'admin/jobs/waits-at-the-gate')).body
    assert(!away.enabled && away.tags.includes('quarantine'), JSON.stringify(away.tags))
    await kit.picture(page, 'job-quarantine-light')
    await menu(/^End the quarantine/)
    await page.getByText('In quarantine:').waitFor({ state: 'detached' })
    const back = (await server.call('GET', 'admin/jobs/waits-at-the-gate')).body
    assert(back.enabled && !back.tags.includes('quarantine') && back.description === 'Waits until it is let go.', JSON.stringify(back))
  }))

  await kit.check('a job that was deleted still shows its history', async () => {
    const run = await server.run('writes-a-long-log')
    await server.reaches(run, 'SUCCEEDED')
    const { body: source, etag } = await server.call('GET', 'admin/jobs/writes-a-long-log/source')
    const gone = await server.call('DELETE', 'admin/jobs/writes-a-long-log', undefined, { 'if-match': etag ?? `"${source.etag}"` })
    assert(gone.status === 200, JSON.stringify(gone.body))
    kit.expected.push(/status of 404/)
    await kit.with('jobs/writes-a-long-log', async (page) => {
      await page.getByText('no longer in the catalogue').waitFor()
      await page.locator(`[data-run="${run}"]`).waitFor()
      await kit.picture(page, 'job-gone-light')
    })
  })
}
