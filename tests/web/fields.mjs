/** The fields of the job editor: what each offers, keeps and warns of. */
import { assert, until } from './kit.mjs'
import { letterbox, mailbox } from './mailbox.mjs'

const place = (page, pointer) => page.locator(`[data-pointer="${pointer}"]`)
const field = (page, pointer) => place(page, pointer).locator('input, textarea, select').first()
const fine = (page) => page.getByText('no problem found').waitFor()

export default async function (kit) {
  const { server } = kit
  kit.expected.push(/status of 4(04|09|22)/)
  const source = async (job) => (await server.call('GET', `admin/jobs/${job}/source`)).body
  const open = (page, name) => page.locator(`[data-step="${name}"] [data-act="open"]`).click()
  const save = async (page) => {
    await page.locator('[data-act="save"]').click()
    await page.locator('[data-saved]').waitFor()
  }

  await kit.check('the schedule reads in words, fires in the zone of the job and of the reader, and says where a clock is changed', () => kit.with('jobs/nomajde-daily-sync/edit', async (page) => {
    await place(page, '/schedule').waitFor()
    await page.getByRole('button', { name: 'weekdays', exact: true }).click()
    assert(await field(page, '/schedule').inputValue() === '0 2 * * 1-5', 'the preset is not written')
    await field(page, '/schedule').fill('30 2 * * *')
    await page.locator('[data-preview]').getByText('every day at 02:30').waitFor()
    await field(page, '/timezone').fill('America/New_York')
    await page.keyboard.press('Escape')
    await page.locator('[data-preview]').getByText('in America/New_York · for you').waitFor()
    await until(page, () => document.querySelectorAll('[data-preview] li').length === 5 && [...document.querySelectorAll('[data-preview] li')].every((each) => /02:30:00/.test(each.querySelector('code').textContent) && !/02:30/.test(each.querySelector('time').textContent)))
    // The one night of the year on which 02:30 is not there.
    await field(page, '/schedule').fill('30 2 8-14 3 *')
    await page.locator('[data-note]').first().waitFor()
    await kit.picture(page, 'fields-schedule-light')
  }))

  await kit.check('a zone is found by its city, with its offset; one that does not exist is refused on leaving', () => kit.with('jobs/nomajde-daily-sync/edit', async (page) => {
    await field(page, '/timezone').fill('tokyo')
    await page.getByRole('option', { name: 'Asia/Tokyo' }).click()
    await place(page, '/timezone').getByText('UTC+09:00').waitFor()
    await field(page, '/timezone').fill('Mars/Olympus')
    await page.keyboard.press('Escape')
    await field(page, '/description').focus()
    await until(page, () => document.querySelector('[data-pointer="/timezone"] input').getAttribute('aria-invalid') === 'true')
  }))

  await kit.check('shared params keep their types: an empty text is a value, a list stays a list, and taking away is another thing', () => kit.with('jobs/nomasx1-security-1/edit', async (page) => {
    const add = async (name, type) => {
      await page.getByLabel('Shared params: Name').fill(name)
      await page.getByLabel('Shared params: Type').selectOption(type)
      await page.getByRole('button', { name: 'Add to Shared params' }).click()
      await page.getByLabel(`Value of ${name}`).waitFor()
    }
    await add('note', 'text')
    await add('companies', 'list')
    await page.getByLabel('Value of companies').fill('["00001", "00070"]')
    await add('rate', 'number')
    await page.getByLabel('Value of rate').fill('1.5')
    await page.getByRole('button', { name: 'Remove apps_id' }).click()
    await save(page)
    const { job } = await source('nomasx1-security-1')
    assert(JSON.stringify(job.params) === JSON.stringify({ target_connector: 'ops', dry_run: false, note: '', companies: ['00001', '00070'], rate: 1.5 }), JSON.stringify(job.params))
  }))

  await kit.check('the connector picker says type and state, and takes a name that is not in the list with a soft warning', () => kit.with('jobs/nomasx1-security-1/edit', async (page) => {
    assert((await server.call('POST', 'admin/connectors/ops/test')).status === 200, 'the connector cannot be tested')
    await page.reload()
    const box = page.getByRole('combobox', { name: 'Value of target_connector' })
    await box.fill('op')
    await page.getByRole('option', { name: /ops.*sqlite · ✓ test passed/ }).waitFor()
    await kit.picture(page, 'fields-connector-light')
    await box.fill('unused')
    await page.getByText('No connector of this name is declared.').waitFor()
    await page.keyboard.press('Escape')
    await save(page)
    assert((await source('nomasx1-security-1')).job.params.target_connector === 'unused', 'it was not saved')
  }))

  await kit.check('a copy is summed up on one line, moved from its menu, and its pane has the fields of its mode', () => kit.with('jobs/quick-check/edit', async (page) => {
    await page.getByRole('button', { name: 'Add step' }).click()
    await page.getByRole('menuitem', { name: 'sql_copy', exact: true }).click()
    await field(page, '/steps/1/name').fill('F0004')
    for (const [pointer, value] of [['source/connector', 'ops'], ['source/table', 'F0004'], ['target/connector', 'ops'], ['target/table', 'f0004']]) {
      await field(page, `/steps/1/${pointer}`).fill(value)
      await page.keyboard.press('Escape')
    }
    await page.locator('[data-step="F0004"]').getByText(/ops\.F0004 → ops\.f0004/).waitFor()
    assert(await place(page, '/steps/1/key_columns').count() === 0, 'key columns are asked for without need')
    await field(page, '/steps/1/mode').selectOption('upsert')
    await place(page, '/steps/1/key_columns').waitFor()
    await kit.picture(page, 'fields-copy-light')
    await page.getByRole('button', { name: 'More about step F0004' }).click()
    await page.getByRole('menuitem', { name: 'Move up' }).click()
    await until(page, () => [...document.querySelectorAll('[data-step]')].map((each) => each.dataset.step).join() === 'F0004,CHECK')
    await page.getByText('F0004 is now step 1 of 2').waitFor({ state: 'attached' })
  }))

  await kit.check('arguments that the callable does not know are kept and said to be extra', async () => {
    const made = await server.call('POST', 'admin/jobs', { app: 'shop', text: '[[jobs]]\nid = "has-extras"\n[[jobs.steps]]\nname = "go"\ntype = "python"\ncallable = "shop.work:takes_more"\n[jobs.steps.op_kwargs]\nlines = 9\n' })
    assert(made.status < 300, JSON.stringify(made.body))
    await kit.with('jobs/has-extras/edit', async (page) => {
      await open(page, 'go')
      const form = page.locator('[data-step-panel] fieldset')
      await form.getByText('Takes what it knows, and anything else.').waitFor()
      assert(await field(page, '/steps/0/op_kwargs/lines').inputValue() === '9', 'the value is not there')
      assert(await field(page, '/steps/0/op_kwargs/lines').getAttribute('placeholder') === 'by default 7', 'the default is not said')
      await form.getByLabel('Arguments: Name').fill('unheard_of')
      await form.getByRole('button', { name: 'Add to Arguments' }).click()
      await form.getByLabel('Value of unheard_of').fill('kept')
      await form.getByText('Extra', { exact: true }).waitFor()
      await field(page, '/steps/0/op_kwargs/lines').fill('8')
      await until(page, () => document.querySelector('[data-step-panel] [aria-label="Value of unheard_of"]').value === 'kept')
      await kit.accessible(page)
    })
  })

  await kit.check('a copy of the step above is made and named without the mouse', () => kit.with('jobs/quick-check/edit', async (page) => {
    await page.getByRole('button', { name: 'Copy of step 1' }).focus()
    for (let n = 0; n < 3; n++) {
      const before = await page.locator('[data-step]').count()
      await page.getByRole('button', { name: /^Copy of step \d+$/ }).focus()
      await page.keyboard.press('Enter')
      await until(page, (count) => document.querySelectorAll('[data-step]').length === count, before + 1)
      await until(page, (index) => document.activeElement.closest('[data-pointer]')?.dataset.pointer === `/steps/${index}/name`, before)
      await page.keyboard.press('Control+a')
      await page.keyboard.type(`PART_${before}`)
    }
    await fine(page)
    await page.keyboard.press('Control+s')
    await page.locator('[data-saved]').waitFor()
    assert((await source('quick-check')).job.steps.map((each) => each.name).join() === 'CHECK,PART_1,PART_2,PART_3', 'other steps were made')
  }))

  await kit.check('recipients of alerts come from the transports there are, and a test goes to those in the form, saved or not', async () => {
    const [mail, pager] = [await mailbox(), await letterbox()]
    const transports = {
      post: { kind: 'smtp', settings: { host: '127.0.0.1', port: mail.port, tls: 'none', from: 'jobs@nomaflow.test', to: 'ops@nomaflow.test' } },
      pager: { kind: 'webhook', settings: { url: pager.url } },
      retired: { kind: 'webhook', enabled: false, settings: { url: pager.url } },
    }
    for (const [name, body] of Object.entries(transports)) {
      const { status, body: answer } = await server.call('PUT', `admin/notifications/transports/${name}`, { secrets: {}, ...body })
      assert(status < 300, `${name}: ${status} ${JSON.stringify(answer)}`)
    }
    try {
      await kit.with('jobs/quick-check/edit', async (page) => {
        await page.locator('#section-alerts summary').click()
        await page.getByLabel('Alerts of this job').check()
        const box = page.getByRole('combobox', { name: 'Add a transport' })
        await box.fill('e')
        await page.getByRole('option', { name: /^pager/ }).waitFor()
        assert(await page.getByRole('option', { name: /^retired/ }).count() === 0, 'one that is switched off is offered')
        await box.fill('po')
        await page.getByRole('option', { name: /^post.*smtp · ops@nomaflow\.test/ }).waitFor()
        await kit.picture(page, 'fields-recipients-light')
        await page.keyboard.press('Enter')
        await page.locator('[data-recipients="1"]').waitFor()
        for (const recipient of ['ann@nomaflow.test', 'pager', '#nowhere']) {
          await field(page, '/alerts/recipients').fill(recipient)
          await page.keyboard.press('Enter')
        }
        await page.locator('[data-recipients="4"]').waitFor()
        await page.getByRole('button', { name: 'Send a test' }).click()
        await page.locator('[data-tested="true"]').nth(2).waitFor()
        await page.locator('[data-tested="false"]', { hasText: '#nowhere' }).getByText('No transport reaches it.').waitFor()
        assert(await page.locator('[data-tested]').count() === 4, await page.locator('[data-recipients]').innerText())
        await kit.accessible(page)
      })
      assert(mail.got.map((each) => each.to.join()).sort().join() === 'ann@nomaflow.test,ops@nomaflow.test', JSON.stringify(mail.got))
      assert(mail.got.every((each) => /test/i.test(each.text)) && pager.got.length === 1, JSON.stringify(pager.got))
      assert((await source('quick-check')).job.alerts === undefined, 'the job was saved')
    } finally {
      for (const name of Object.keys(transports)) await server.call('DELETE', `admin/notifications/transports/${name}`)
      mail.close()
      pager.close()
    }
  })

  await kit.check('deleting offers to disable instead', () => kit.with('jobs/waits-at-the-gate/edit', async (page) => {
    await page.getByRole('button', { name: 'Delete this job…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Its history is kept; its schedules stop.').waitFor()
    await dialog.getByRole('button', { name: 'Disable instead' }).click()
    await dialog.waitFor({ state: 'detached' })
    await until(page, () => !document.querySelector('[data-pointer="/enabled"] input').checked)
    assert((await server.call('GET', 'admin/jobs/waits-at-the-gate')).body.enabled === false, 'it is still enabled')
  }))
}
