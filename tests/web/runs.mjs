/** The list of runs. */
import { assert, live, until } from './kit.mjs'
import { openAs } from './people.mjs'

const ids = (page) => page.locator('[data-run]').evaluateAll((all) => all.map((each) => each.dataset.run))

export default async function (kit) {
  const { server } = kit
  const ok = await server.run('quick-check')
  await server.reaches(ok, 'SUCCEEDED')
  const bad = await server.run('billing-nightly-rebuild')
  await server.reaches(bad, 'FAILED')

  await kit.check('states filter the list, live in the address, and go back with Back', () => kit.with('runs', async (page) => {
    await page.locator(`[data-run="${ok}"]`).waitFor()
    await page.getByRole('button', { name: 'FAILED' }).click()
    await page.locator(`[data-run="${ok}"]`).waitFor({ state: 'detached' })
    assert((await ids(page)).join() === bad, 'other runs are shown')
    await page.waitForURL(/status=FAILED/)
    await page.locator(`[data-run="${bad}"] a`).first().click()
    await page.waitForURL(/\/runs\/[^/?]+/)
    await page.goBack()
    await page.waitForURL(/status=FAILED/)
    await page.locator(`[data-run="${ok}"]`).waitFor({ state: 'detached' })
  }))

  await kit.check('a job is chosen by typing a part of its name, and removed by its chip', () => kit.with('runs', async (page) => {
    await page.getByRole('combobox', { name: 'Job' }).fill('quick')
    await page.getByRole('option', { name: 'quick-check' }).click()
    await page.locator(`[data-run="${bad}"]`).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Clear the filters: quick-check' }).click()
    await page.locator(`[data-run="${bad}"]`).waitFor()
  }))

  await kit.check('a new run appears on top by itself and counts up', () => kit.with('runs', async (page) => {
    await live(page)
    const run = await server.run('waits-at-the-gate')
    await page.locator(`[data-run="${run}"] [data-status="RUNNING"]`).waitFor()
    assert((await ids(page))[0] === run, 'it is not on top')
    kit.letGo(run)
    await page.locator(`[data-run="${run}"] [data-status="SUCCEEDED"]`).waitFor()
  }))

  await kit.check('a row has its actions without a selection', () => kit.with('runs', async (page) => {
    const run = await server.run('waits-at-the-gate')
    await page.locator(`[data-run="${run}"]`).getByRole('button', { name: `Actions on run ${run}` }).click()
    await page.getByRole('menuitem', { name: 'Cancel' }).click()
    await page.locator(`[data-run="${run}"] [data-status="CANCELED"]`).waitFor()
  }))

  await kit.check('text finds runs by their error', () => kit.with('runs', async (page) => {
    await page.getByLabel('Text').fill('totals of north')
    await until(page, ([id]) => document.querySelectorAll('[data-run]').length === 1 && document.querySelector('[data-run]').dataset.run === id, [bad])
  }))

  await kit.check('a picture over the list has a mark for each run; dragging over it chooses the time', () => kit.with('runs', async (page) => {
    await page.locator(`[data-dot="${bad}"]`).waitFor()
    const picture = page.locator('[data-plot] svg')
    const { x, y, width, height } = await picture.boundingBox()
    await page.mouse.move(x + width * 0.1, y + height / 2)
    await page.mouse.down()
    await page.mouse.move(x + width * 0.95, y + height / 2, { steps: 4 })
    await page.mouse.up()
    await page.waitForURL(/from=20.*to=20/)
    await page.getByRole('button', { name: /^Clear the filters: .* – / }).click()
    await page.waitForURL((url) => !url.search.includes('from='))
    await kit.picture(page, 'runs-strip-light')
  }))

  await kit.check('runs are found by tag, and by the person who began them', () => kit.with('runs', async (page) => {
    await page.getByLabel('Tag', { exact: true }).selectOption('billing')
    await page.locator(`[data-run="${ok}"]`).waitFor({ state: 'detached' })
    await page.locator(`[data-run="${bad}"]`).waitFor()
    await page.getByRole('button', { name: 'Clear the filters: Tag: billing' }).click()
    await page.locator(`[data-run="${ok}"]`).waitFor()
    await page.getByLabel('Triggered by').selectOption('user')
    await page.getByLabel('Person').fill('nobody-at-all')
    await page.getByText('No run matches.').waitFor()
    await page.waitForURL(/trigger=user%3Anobody-at-all/)
  }))

  await kit.check('a span of time is typed in where dragging is no way', () => kit.with('runs', async (page) => {
    await page.getByLabel('Time', { exact: true }).selectOption('custom')
    await page.getByLabel('From', { exact: true }).fill('2020-01-01T00:00')
    await page.getByLabel('To', { exact: true }).fill('2020-02-01T00:00')
    await page.getByText('No run matches.').waitFor()
    await page.getByLabel('To', { exact: true }).fill('2040-02-01T00:00')
    await page.locator(`[data-run="${bad}"]`).waitFor()
  }))

  await kit.check('columns are chosen, in any browser of the person', async () => {
    const page = await openAs(kit, server, ['job:*'])
    try {
      await page.goto(new URL('runs', server.url).href)
      const head = () => page.locator('thead th').allInnerTexts()
      await page.locator(`[data-run="${ok}"]`).waitFor()
      assert((await head()).slice(0, 9).join() === 'State,Run,Job,Triggered by,Started,Duration,Steps,Rows,Reason', (await head()).join())
      await page.getByRole('button', { name: 'Columns' }).click()
      await page.getByRole('menuitemcheckbox', { name: 'Triggered by', checked: true }).click()
      const kept = page.waitForResponse((answer) => answer.url().endsWith('auth/preferences') && answer.request().method() === 'PUT' && answer.ok() && answer.request().postData().includes('finished'))
      await page.getByRole('menuitemcheckbox', { name: 'Finished', checked: false }).click()
      await page.keyboard.press('Escape')
      assert((await head()).slice(0, 9).join() === 'State,Run,Job,Started,Finished,Duration,Steps,Rows,Reason', (await head()).join())
      await kept
      await kit.picture(page, 'runs-columns-light')
      // As in another browser: nothing is known here but what the account keeps.
      await page.evaluate(() => localStorage.clear())
      await page.reload()
      await page.locator('thead th', { hasText: 'Finished' }).waitFor()
      assert(!(await head()).includes('Triggered by'), (await head()).join())
      await page.getByRole('button', { name: 'Columns' }).click()
      await kit.accessible(page)
    } finally {
      await page.context().close()
    }
  })

  await kit.check('a new run appears in a list that only the server can filter', () => kit.with('runs?tag=hourly', async (page) => {
    await live(page)
    await page.locator(`[data-run="${ok}"]`).waitFor()
    const run = await server.run('quick-check')
    await page.locator(`[data-run="${run}"] [data-status="SUCCEEDED"]`).waitFor()
  }))

  await kit.check('what is found is downloaded as a table', () => kit.with('runs?status=FAILED', async (page) => {
    await page.locator(`[data-run="${bad}"]`).waitFor()
    await page.getByRole('button', { name: 'Export and actions on all of these' }).click()
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Download as CSV' }).click()])
    const { readFileSync } = await import('node:fs')
    const text = readFileSync(await file.path(), 'utf8')
    assert(text.startsWith('id,job_id,status') && text.includes(bad) && !text.includes(ok), text.slice(0, 300))
  }))

  await kit.check('many runs are canceled after the filter was read back in words, and each says how it went', async () => {
    const waiting = [await server.run('waits-at-the-gate'), await server.run('waits-in-the-middle')]
    await kit.with('runs?status=RUNNING,QUEUED', async (page) => {
      for (const run of waiting) await page.locator(`[data-run="${run}"]`).waitFor()
      await page.getByRole('button', { name: 'Export and actions on all of these' }).click()
      await page.getByRole('menuitem', { name: 'Cancel all of these' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('State: RUNNING, QUEUED').waitFor()
      await dialog.locator('[data-bulk-count="2"]').waitFor()
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      await dialog.getByRole('button', { name: 'Copy this for each of them' }).click()
      await page.getByRole('menuitem', { name: 'Copy as command line' }).click()
      await dialog.getByText('Command line copied').waitFor()
      assert((await page.evaluate(() => navigator.clipboard.readText())).split('\n').sort().join() === waiting.map((run) => `nomaflow job cancel ${run}`).sort().join(), 'the clipboard has something else')
      await kit.picture(page, 'runs-bulk-light')
      await dialog.getByRole('button', { name: 'Cancel 2 runs' }).click()
      for (const run of waiting) await dialog.locator(`[data-bulk="${run}"][data-outcome="done"]`).waitFor()
      await dialog.getByText('2 of 2: 2 done, 0 refused').waitFor()
    })
    for (const run of waiting) await server.reaches(run, 'CANCELED')
  })

  await kit.check('pages lead on and back; what comes in while one reads further down waits behind a pill and moves nothing', async () => {
    for (let n = 0; n < 52; n++) await server.reaches(await server.run('quick-check'), 'SUCCEEDED')
    await kit.with('runs', async (page) => {
      await live(page)
      await page.locator('[data-run]').nth(49).waitFor()
      const body = page.locator('[data-run]').first().locator('xpath=ancestor::section/..')
      await body.evaluate((each) => { each.scrollTop = 700 })
      const read = (await ids(page))[30]
      const place = () => page.locator(`[data-run="${read}"]`).evaluate((row) => Math.round(row.getBoundingClientRect().top))
      const before = await place()
      const run = await server.run('quick-check')
      const pill = page.getByRole('button', { name: '▲ 1 new run' })
      await pill.waitFor()
      assert(Math.abs(await place() - before) <= 1, `what is read moved from ${before} to ${await place()}`)
      await kit.picture(page, 'runs-pill-light')
      await pill.click()
      await pill.waitFor({ state: 'detached' })
      assert((await ids(page))[0] === run, 'it is not on top')
      const first = await ids(page)
      await page.getByRole('link', { name: 'Older' }).first().click()
      await page.waitForURL(/before=/)
      await until(page, (id) => document.querySelector('[data-run]') && !document.querySelector(`[data-run="${id}"]`), first[0])
      assert((await ids(page)).every((id) => !first.includes(id)), 'pages overlap')
      await page.locator('[data-pruned]').getByText(/Retention removes runs that ended before .*: it keeps 90 days/).waitFor()
      await page.getByRole('link', { name: 'Newest' }).click()
      await page.locator(`[data-run="${run}"]`).waitFor()
    })
  })

  await kit.check('the row of a run that was told to stop says so until it has stopped', () => kit.with('runs', async (page) => {
    await live(page)
    const run = await server.run('waits-at-the-gate')
    const row = page.locator(`[data-run="${run}"]`)
    await page.route('**/cancel', async (route) => {
      await row.getByText('canceling…').waitFor()
      await route.continue()
    })
    await row.getByRole('button', { name: `Actions on run ${run}` }).click()
    await page.getByRole('menuitem', { name: 'Cancel' }).click()
    await row.locator('[data-status="CANCELED"]').waitFor()
    await row.getByText('canceling…').waitFor({ state: 'detached' })
  }))
}
