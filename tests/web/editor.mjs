/** The job editor, used as a person would. The checks are named after the sentences of the page about creating a job. */
import { assert, live, until } from './kit.mjs'

const state = (page, dirty) => page.locator(`[data-dirty="${dirty}"]`).waitFor()
const save = (page) => page.locator('[data-act="save"]').click()
const saved = (page, version) => page.locator(version === undefined ? '[data-saved]' : `[data-saved="${version}"]`).waitFor()
const place = (page, pointer) => page.locator(`[data-pointer="${pointer}"]`)
const field = (page, pointer) => place(page, pointer).locator('input, textarea, select, .cm-content').first()
const step = (page, name) => page.locator(`[data-step="${name}"]`)
const open = (page, name) => step(page, name).locator('[data-act="open"]').click()
const order = (page) => page.locator('[data-step]').evaluateAll((all) => all.map((each) => each.dataset.step).join())
const fine = (page) => page.getByText('no problem found').waitFor()

async function add(page, type) {
  await page.getByRole('button', { name: 'Add step' }).click()
  await page.getByRole('menuitem', { name: type, exact: true }).click()
  await page.locator('[data-step-panel]').waitFor()
}

const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  'narrow-light': { viewport: { width: 390, height: 844 } },
  'narrow-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  zoomed: { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 },
  forced: { forcedColors: 'active' },
}

export default async function (kit) {
  const { server } = kit
  const source = async (job) => (await server.call('GET', `admin/jobs/${job}/source`)).body
  const patch = (job, change) => server.call('PATCH', `admin/jobs/${job}`, change)
  // What a person typed wrong is refused with these.
  kit.expected.push(/status of 4(09|22)/)

  for (const [look, options] of Object.entries(LOOKS)) {
    await kit.check(`the editor, ${look}: with a step open, with a mistake and as text it fits and is accessible`, () => kit.with('jobs/billing-nightly-rebuild/edit', async (page) => {
      await live(page)
      await fine(page)
      await open(page, 'rebuild')
      await page.locator('[data-step-panel] fieldset').waitFor()
      await kit.fits(page)
      await kit.accessible(page)
      await page.locator('[data-step-panel] fieldset').scrollIntoViewIfNeeded()
      await kit.picture(page, `editor-step-${look}`)
      await field(page, '/timezone').fill('Europe/Pariz')
      await page.keyboard.press('Escape')
      await place(page, '/timezone').getByText(/unknown timezone/).waitFor()
      await page.evaluate(() => document.querySelectorAll('details').forEach((each) => { each.open = true }))
      await kit.fits(page)
      await kit.accessible(page)
      await page.evaluate(() => document.querySelector('#section-schedule').scrollIntoView())
      await kit.picture(page, `editor-form-${look}`)
      await page.getByRole('button', { name: 'Discard changes' }).click()
      await page.getByRole('button', { name: 'Text', exact: true }).click()
      await page.locator('[data-text]').waitFor()
      await kit.fits(page)
      await kit.accessible(page)
      await kit.picture(page, `editor-text-${look}`)
    }, options))
  }

  await kit.check('create a job by clicking New Job: identity, schedule, shared params, a step, Save; it answers with a green Saved', () => kit.with('jobs', async (page) => {
    await page.getByRole('link', { name: 'New job' }).click()
    await page.waitForURL(/jobs\/new/)
    await field(page, '/id').fill('my-first-job')
    await field(page, '/description').fill('my first Nomaflow job')
    await field(page, '/tags').fill('etl')
    await page.keyboard.press('Enter')
    await field(page, '/schedule').fill('0 2 * * *')
    await field(page, '/timezone').fill('Europe/Paris')
    await page.keyboard.press('Escape')
    await page.locator('[data-section="params"]').click()
    await page.locator('#section-params summary').first().click()
    await page.getByLabel('Shared params: Name').fill('apps_id')
    await page.getByLabel('Shared params: Type').selectOption('number')
    await page.getByRole('button', { name: 'Add to Shared params' }).click()
    await page.getByLabel('Value of apps_id').fill('10')
    await add(page, 'sql_query')
    await field(page, '/steps/0/name').fill('refresh-totals')
    await field(page, '/steps/0/connector').fill('ops')
    await page.keyboard.press('Enter')
    await field(page, '/steps/0/query').fill('select 1 as one')
    await fine(page)
    await kit.picture(page, 'editor-new-light')
    await save(page)
    await page.waitForURL(/jobs\/my-first-job\/edit/)
    await saved(page)
    const { job } = await source('my-first-job')
    const want = { id: 'my-first-job', description: 'my first Nomaflow job', tags: ['etl'], schedule: '0 2 * * *', timezone: 'Europe/Paris', params: { apps_id: 10 }, steps: [{ name: 'refresh-totals', type: 'sql_query', connector: 'ops', query: 'select 1 as one' }] }
    for (const [key, value] of Object.entries(want)) assert(JSON.stringify(job[key]) === JSON.stringify(value), `${key} is ${JSON.stringify(job[key])}`)
    const { body } = await server.call('GET', 'admin/jobs/my-first-job')
    assert(body.next_run_at, 'the scheduler did not pick the schedule up')
  }))

  await kit.check('job id contains invalid characters: a space, dot or slash is refused at the field', () => kit.with('jobs/new', async (page) => {
    await field(page, '/id').fill('my first.job')
    await place(page, '/id').getByText(/job id contains invalid characters/).waitFor()
    assert(await field(page, '/id').getAttribute('aria-invalid') === 'true', 'the field is not marked')
    await page.locator('[data-section="identity"]').getByLabel(/problem/).waitFor()
  }))

  await kit.check('duplicate job id: another job already uses this id', () => kit.with('jobs/new', async (page) => {
    await field(page, '/id').fill('quick-check')
    await add(page, 'sql_query')
    await field(page, '/steps/0/connector').fill('ops')
    await field(page, '/steps/0/query').fill('select 1')
    await place(page, '/id').getByText(/duplicate job id|already/).waitFor()
    await save(page)
    await until(page, () => document.activeElement.closest('[data-pointer]')?.dataset.pointer === '/id')
    await place(page, '/id').getByText(/duplicate job id/).first().waitFor()
  }))

  await kit.check('unknown timezone: only manual typing can, and Save leads to the field with a hint', () => kit.with('jobs/nomajde-daily-sync/edit', async (page) => {
    await field(page, '/timezone').fill('Europe/Pariz')
    await page.keyboard.press('Escape')
    await page.locator('[data-section="log"]').click()
    await save(page)
    await place(page, '/timezone').getByText(/unknown timezone `Europe\/Pariz`/).waitFor()
    await place(page, '/timezone').getByText(/did you mean `Europe\/Paris`/).waitFor()
    await until(page, () => document.activeElement.closest('[data-pointer]')?.dataset.pointer === '/timezone')
    await page.getByText(/Not saved: 1 problem/).waitFor()
    assert(await page.evaluate(() => document.scrollingElement.scrollTop) === 0, 'the frame of the page was scrolled away')
    await kit.picture(page, 'editor-error-light')
    const { job } = await source('nomajde-daily-sync')
    assert(job.timezone === 'Europe/Paris', job.timezone)
  }))

  await kit.check('step X is missing required field(s): Save opens the step and its first empty field', () => kit.with('jobs/quick-check/edit', async (page) => {
    await add(page, 'sql_query')
    await page.getByRole('button', { name: 'Close the step' }).click()
    await page.locator('[data-step="step-2"][data-bad]').waitFor()
    await save(page)
    await place(page, '/steps/1/connector').getByText(/step `step-2` is missing required field\(s\)/).waitFor()
    await until(page, () => document.activeElement.closest('[data-pointer]')?.dataset.pointer === '/steps/1/connector')
  }))

  await kit.check('a live preview of the next fires: a typo, both day fields and every second are said before saving', () => kit.with('jobs/nomajde-daily-sync/edit', async (page) => {
    await page.locator('[data-preview] li').nth(4).waitFor()
    await field(page, '/schedule').fill('0 2 1 2 *')
    await page.locator('[data-note="long-wait"]').waitFor()
    await field(page, '/schedule').fill('0 2 1 * mon')
    await page.locator('[data-note="either-day"]').waitFor()
    await field(page, '/schedule').fill('* * * * * *')
    await page.locator('[data-note="every-second"]').waitFor()
    await field(page, '/schedule').fill('61 * * * *')
    await place(page, '/schedule').getByText(/minute `61` is outside 0-59/).waitFor()
    await page.getByRole('button', { name: 'manual-only' }).click()
    await page.getByText('No schedule: the job runs when somebody asks for it.').waitFor()
    assert(await field(page, '/schedule').inputValue() === '', 'the preset left a schedule')
  }))

  await kit.check('params have type-aware inputs, and a key matching *_connector a connector picker', () => kit.with('jobs/nomasx1-security-1/edit', async (page) => {
    assert(await page.getByLabel('Value of dry_run').getAttribute('type') === 'checkbox', 'dry_run is no checkbox')
    assert(await page.getByLabel('Value of apps_id').getAttribute('inputmode') === 'decimal', 'apps_id is no number')
    const connector = page.getByRole('combobox', { name: 'Value of target_connector' })
    assert(await connector.getAttribute('role') === 'combobox', 'target_connector is no picker')
    await connector.fill('elsewhere')
    await page.getByText('No connector of this name is declared.').waitFor()
    await page.keyboard.press('Escape')
    await page.getByLabel('Value of apps_id').fill('20')
    await page.getByLabel('Value of dry_run').check()
    await save(page)
    await saved(page)
    const { job, text } = await source('nomasx1-security-1')
    assert(JSON.stringify(job.params) === '{"apps_id":20,"target_connector":"elsewhere","dry_run":true}', JSON.stringify(job.params))
    assert(text.includes('apps_id = 20'), text.slice(0, 300))
  }))

  await kit.check('steps run strictly in order: Alt and the arrows move a step, its focus stays, and Save writes the order', () => kit.with('jobs/billing-nightly-rebuild/edit', async (page) => {
    await step(page, 'publish').locator('[data-act="open"]').focus()
    await page.keyboard.press('Alt+ArrowUp')
    await until(page, () => document.activeElement.closest('[data-step]')?.dataset.step === 'publish')
    await page.keyboard.press('Alt+ArrowUp')
    await until(page, () => [...document.querySelectorAll('[data-step]')].map((each) => each.dataset.step).join() === 'publish,read-orders,rebuild')
    await page.getByText('publish is now step 1 of 3').waitFor({ state: 'attached' })
    await until(page, () => document.activeElement.closest('[data-step]')?.dataset.step === 'publish')
    await state(page, true)
    await page.keyboard.press('Control+s')
    await saved(page)
    const { job } = await source('billing-nightly-rebuild')
    assert(job.steps.map((each) => each.name).join() === 'publish,read-orders,rebuild', JSON.stringify(job.steps.map((each) => each.name)))
  }))

  await kit.check('drag the handle to reorder', () => kit.with('jobs/billing-nightly-rebuild/edit', async (page) => {
    // The preview of the schedule takes its place above the steps.
    await page.locator('[data-preview] li').first().waitFor()
    await fine(page)
    await step(page, 'publish').locator('[draggable]').dragTo(step(page, 'rebuild'))
    await until(page, () => [...document.querySelectorAll('[data-step]')].map((each) => each.dataset.step).join() === 'read-orders,rebuild,publish')
    await save(page)
    await saved(page)
  }))

  await kit.check('a step is duplicated, removed and brought back', () => kit.with('jobs/billing-nightly-rebuild/edit', async (page) => {
    const more = async (name, item) => {
      await page.getByRole('button', { name: `More about step ${name}` }).click()
      await page.getByRole('menuitem', { name: item }).click()
    }
    await more('rebuild', 'Duplicate')
    await step(page, 'rebuild-2').waitFor()
    await more('read-orders', 'Remove')
    await step(page, 'read-orders').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await step(page, 'read-orders').waitFor()
    assert(await order(page) === 'read-orders,rebuild,rebuild-2,publish', await order(page))
  }))

  await kit.check('a step is copied here and pasted into another job', () => kit.with('jobs/billing-nightly-rebuild/edit', async (page) => {
    await page.getByRole('button', { name: 'More about step rebuild' }).first().click()
    await page.getByRole('menuitem', { name: 'Copy', exact: false }).last().click()
    await page.goto(new URL('jobs/nomasx1-audit-trail-1/edit', server.url).href)
    await page.getByRole('button', { name: 'Add step' }).click()
    await page.getByRole('menuitem', { name: 'Paste rebuild' }).click()
    await fine(page)
    await save(page)
    await saved(page)
    const { job } = await source('nomasx1-audit-trail-1')
    assert(job.steps[1].callable === 'shop.work:fails' && job.steps[1].op_kwargs.month === '2026-10', JSON.stringify(job.steps[1]))
  }))

  await kit.check('save and run leads to the run, and back to the same place of the editor', () => kit.with('jobs/quick-check/edit', async (page) => {
    await open(page, 'CHECK')
    await page.getByRole('button', { name: 'Save and run' }).click()
    await page.getByRole('dialog').getByRole('button', { name: /^Run/ }).click()
    await page.waitForURL(/\/runs\/\w+/)
    await page.getByRole('link', { name: 'Back to the editor' }).click()
    await page.waitForURL(/quick-check\/edit/)
    await page.locator('[data-step-panel="0"]').waitFor()
  }))

  await kit.check('python: a callable from the picker, and a form made of its schema', () => kit.with('jobs/quick-check/edit', async (page) => {
    await add(page, 'python')
    await field(page, '/steps/1/callable').fill('fails')
    await page.getByRole('option', { name: /shop\.work:fails/ }).click()
    await page.locator('[data-step-panel] fieldset').getByText('Fails on purpose, after a warning.').waitFor()
    await field(page, '/steps/1/op_kwargs/month').fill('2026-11')
    await field(page, '/steps/1/op_kwargs/tenants').fill('["north"]')
    await step(page, 'step-2').getByRole('switch').click()
    await fine(page)
    await kit.picture(page, 'editor-callable-light')
    await save(page)
    await saved(page)
    const { job } = await source('quick-check')
    assert(JSON.stringify(job.steps[1]) === '{"callable":"shop.work:fails","enabled":false,"name":"step-2","op_kwargs":{"month":"2026-11","tenants":["north"]},"type":"python"}'
      || (job.steps[1].enabled === false && job.steps[1].op_kwargs.month === '2026-11' && job.steps[1].op_kwargs.tenants[0] === 'north'), JSON.stringify(job.steps[1]))
  }))

  await kit.check('every step type has a pane, and what is missing stands at its fields', () => kit.with('jobs/quick-check/edit', async (page) => {
    const first = { sql_copy: 'source/connector', http: 'url', ldap_sync: 'target_connector', call_job: 'job', wasm: 'callable' }
    for (const [type, key] of Object.entries(first)) {
      await add(page, type)
      const index = await page.locator('[data-step-panel]').getAttribute('data-step-panel')
      const name = key.split('/')[0]
      await page.locator(`[data-step-panel] [data-pointer^="/steps/${index}/"] [id$="-error"], [data-step-panel] [role="note"]`).first().waitFor()
      assert(await page.locator(`[data-pointer^="/steps/${index}/${name}"]`).count() > 0, `${type} has no ${key}`)
    }
  }))

  await kit.check('comments and a number of 64 bits outlive a save from the form', async () => {
    const { body, etag } = await server.call('GET', 'admin/jobs/writes-a-long-log/source')
    const text = body.whole.replace('[[jobs]]', '[[jobs]]\n# the auditors asked for this one').replace('lines = 500', 'scn = 9007199254740993, lines = 500')
    const put = await server.call('PUT', 'admin/jobs/writes-a-long-log', { text }, { 'if-match': etag })
    assert(put.status === 200, JSON.stringify(put.body))
    await kit.with('jobs/writes-a-long-log/edit', async (page) => {
      assert(await page.getByLabel('Value of scn').inputValue() === '9007199254740993', await page.getByLabel('Value of scn').inputValue())
      await page.getByLabel('Value of lines').fill('700')
      await save(page)
      await saved(page)
    })
    const after = (await source('writes-a-long-log')).text
    assert(after.includes('# the auditors asked') && after.includes('scn = 9007199254740993') && after.includes('lines = 700'), after.slice(0, 300))
  })

  await kit.check('the text is the same file: an error stands at its line, and Save writes it', () => kit.with('jobs/quick-check/edit?mode=text', async (page) => {
    const box = page.locator('[data-text]')
    const text = await box.inputValue()
    assert(text.startsWith('[[jobs]]'), text.slice(0, 80))
    await box.fill(text.replace('tags = ["hourly"]', 'tags = ["hourly"]\nlog_level = "LOUD"'))
    await page.locator('[data-severity="error"]').waitFor()
    await page.getByText(/LOUD/).last().waitFor()
    const squiggle = await page.locator('[data-squiggle="error"]').evaluate((mark) => ({ left: mark.offsetLeft, top: mark.offsetTop, width: mark.offsetWidth }))
    const line = (await box.inputValue()).split('\n').findIndex((each) => each.includes('LOUD'))
    assert(squiggle.top === line * 20 && squiggle.left > 60 && squiggle.width > 30, JSON.stringify(squiggle))
    await kit.picture(page, 'editor-text-light')
    await box.fill(text.replace('tags = ["hourly"]', '# by hand\ntags = ["hourly", "daily"]'))
    await page.locator('[data-severity="error"]').waitFor({ state: 'detached' })
    await save(page)
    await saved(page)
    assert((await source('quick-check')).text.includes('# by hand\ntags = ["hourly", "daily"]'), 'the text was not written')
    await page.getByRole('button', { name: 'Form', exact: true }).click()
    await page.getByRole('button', { name: 'Remove daily' }).waitFor()
  }))

  const meet = async (page, job, change) => {
    await field(page, '/description').fill('what I wrote')
    await state(page, true)
    assert((await patch(job, change)).status === 200, 'the other save failed')
    await save(page)
    await page.getByRole('dialog').waitFor()
  }

  await kit.check('two who save: merge by hand takes theirs where only they changed it, and what I choose', () => kit.with('jobs/waits-in-the-middle/edit', async (page) => {
    await meet(page, 'waits-in-the-middle', { description: 'what they wrote', tags: ['theirs'] })
    await page.getByRole('dialog').getByText('what they wrote').waitFor()
    await page.getByRole('dialog').getByText('what I wrote').waitFor()
    await page.getByRole('button', { name: 'Merge by hand' }).click()
    await kit.picture(page, 'editor-conflict-light')
    await kit.accessible(page)
    await page.locator('[data-difference="/description"][data-by="both"]').getByRole('radio').first().check()
    await page.getByRole('button', { name: 'Put the choice into the editor' }).click()
    await until(page, () => document.querySelector('[data-pointer="/description"] input').value === 'what they wrote')
    await field(page, '/description').fill('what we both want')
    await save(page)
    await saved(page)
    const { job } = await source('waits-in-the-middle')
    assert(job.description === 'what we both want' && job.tags.join() === 'theirs', JSON.stringify(job))
  }))

  await kit.check('two who save: theirs is taken, and mine is gone', () => kit.with('jobs/waits-in-the-middle/edit', async (page) => {
    await meet(page, 'waits-in-the-middle', { description: 'theirs again' })
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await until(page, () => document.querySelector('[data-pointer="/description"] input').value === 'theirs again')
    await state(page, false)
  }))

  await kit.check('two who save: mine is written over theirs', () => kit.with('jobs/waits-in-the-middle/edit', async (page) => {
    await meet(page, 'waits-in-the-middle', { description: 'theirs for a moment' })
    await page.getByRole('button', { name: 'Overwrite with mine' }).click()
    await saved(page)
    assert((await source('waits-in-the-middle')).job.description === 'what I wrote', 'mine was not written')
  }))

  await kit.check('what somebody else saves is said while I type, and nothing typed is touched', () => kit.with('jobs/waits-at-the-gate/edit', async (page) => {
    await live(page)
    await field(page, '/description').fill('half a sent')
    await patch('waits-at-the-gate', { tags: ['maintenance', 'other'] })
    await page.getByText('Somebody else saved this job since you opened it.').waitFor()
    await field(page, '/description').press('End')
    await page.keyboard.type('ence')
    assert(await field(page, '/description').inputValue() === 'half a sentence', 'the text was touched')
    await page.getByRole('button', { name: 'Show both' }).click()
    await page.getByRole('dialog').getByText('maintenance, other').waitFor()
  }))

  await kit.check('a condition of a step is checked where it is wrong, and saved', () => kit.with('jobs/waits-in-the-middle/edit', async (page) => {
    const { job: before } = await source('waits-in-the-middle')
    await open(page, before.steps[0].name)
    await field(page, '/steps/0/when').fill("${job.id} = 'x'")
    await place(page, '/steps/0/when').getByText('`=` means nothing here').waitFor()
    await field(page, '/steps/0/when').fill("${job.id} == 'waits-in-the-middle'")
    await fine(page)
    await kit.accessible(page)
    await save(page)
    await saved(page)
    const { job } = await source('waits-in-the-middle')
    assert(job.steps[0].when === "${job.id} == 'waits-in-the-middle'", JSON.stringify(job.steps[0]))
  }))

  await kit.check('leaving with something unsaved asks first', () => kit.with('jobs/waits-at-the-gate/edit', async (page) => {
    await field(page, '/description').fill('never saved')
    await page.getByRole('link', { name: 'Runs', exact: true }).first().click()
    await page.getByRole('dialog', { name: 'Leave without saving?' }).waitFor()
    await page.getByRole('button', { name: 'Stay' }).click()
    assert(await field(page, '/description').inputValue() === 'never saved', 'it was lost')
    await page.getByRole('link', { name: 'Runs', exact: true }).first().click()
    await page.getByRole('button', { name: 'Leave', exact: true }).click()
    await page.waitForURL(/\/runs/)
  }))

  await kit.check('a run already in flight at save time completes with the old config, and the editor says so', () => kit.with(null, async (page) => {
    const run = await server.run('waits-at-the-gate')
    await server.reaches(run, 'RUNNING')
    await page.goto(new URL('jobs/waits-at-the-gate/edit', server.url).href)
    await page.getByText('it keeps the definition it began with').waitFor()
    kit.letGo(run)
    await server.reaches(run, 'SUCCEEDED')
  }))

  await kit.check('a copy of a job begins switched off, under another id', () => kit.with('jobs/new?from=nomajde-daily-sync', async (page) => {
    assert(await field(page, '/id').inputValue() === 'nomajde-daily-sync-copy', await field(page, '/id').inputValue())
    assert(!await field(page, '/enabled').isChecked(), 'the copy is on')
    await fine(page)
    await save(page)
    await page.waitForURL(/nomajde-daily-sync-copy\/edit/)
  }))

  await kit.check('deleting removes the job from the catalogue and keeps the run history', () => kit.with('jobs/waits-at-the-gate/edit', async (page) => {
    await page.getByRole('button', { name: 'Delete this job…' }).click()
    const dialog = page.getByRole('dialog')
    assert(await dialog.getByRole('button', { name: 'Delete', exact: true }).isDisabled(), 'it can be deleted without a word')
    await dialog.getByLabel('Type waits-at-the-gate to confirm').fill('waits-at-the-gate')
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.waitForURL(/\/jobs$/)
    kit.expected.push(/status of 404/)
    assert((await server.call('GET', 'admin/jobs/waits-at-the-gate')).status === 404, 'it is still there')
    assert((await server.call('GET', 'admin/jobs/runs?job=waits-at-the-gate')).body.runs.length > 0, 'the history is gone')
  }))
}
