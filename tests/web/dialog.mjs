/** Run with parameters: the sentences of the seeds about the dialog. */
import { assert, card, until } from './kit.mjs'
import { openAs } from './people.mjs'

async function openDialog(page, job) {
  await card(page, job).getByRole('button', { name: `Run now: ${job}` }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('heading', { name: `Run ${job}` }).waitFor()
  return dialog
}

/** What the page sends when it starts the run. */
async function sent(page, press) {
  const [request] = await Promise.all([page.waitForRequest((each) => each.method() === 'POST' && each.url().endsWith('/run')), press()])
  return request.postDataJSON()
}

export default async function (kit) {
  const { server } = kit

  await kit.check('it says in words that the saved job does not change', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByText('The saved job stays as it is.').waitFor()
    await kit.picture(page, 'dialog-light')
  }))

  await kit.check('running without changing anything sends nothing and lands on the run', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByText('Nothing: runs as saved.').waitFor()
    const body = await sent(page, () => dialog.getByRole('button', { name: 'Run', exact: true }).click())
    assert(JSON.stringify(body) === '{}', JSON.stringify(body))
    await page.waitForURL(/\/runs\/[^/?]+/)
    await page.locator('header [data-status="SUCCEEDED"]').waitFor()
  }))

  await kit.check('it only sends the diff, and what is listed is what is sent', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByLabel('apps_id').fill('20')
    await dialog.getByRole('checkbox', { name: 'Run step REFRESH_VIEWS' }).uncheck()
    await dialog.getByLabel('Log level').selectOption('DEBUG')
    const listed = await dialog.locator('[data-changes] li').allInnerTexts()
    assert(listed.length === 3 && listed.includes('apps_id: 10 → 20') && listed.includes('REFRESH_VIEWS: skip') && listed.includes('Log level: INFO → DEBUG'), listed.join(' | '))
    await kit.picture(page, 'dialog-changed-light')
    const body = await sent(page, () => page.keyboard.press('Control+Enter'))
    assert(JSON.stringify(body) === JSON.stringify({ params: { apps_id: 20 }, step_enabled: { REFRESH_VIEWS: false }, log_level: 'DEBUG' }), JSON.stringify(body))
    await page.waitForURL(/\/runs\/[^/?]+/)
    await page.locator('header [data-status="SUCCEEDED"]').waitFor()
    await page.locator('[data-step="REFRESH_VIEWS"]').getByText('skipped: disabled').waitFor()
    const saved = await server.call('GET', 'admin/jobs/nomasx1-security-1')
    assert(saved.body.params.apps_id === 10 && saved.body.log_level === 'INFO', 'the saved job changed')
  }))

  await kit.check('a value that is put back is no change', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByLabel('apps_id').fill('20')
    await dialog.getByRole('button', { name: 'Reset apps_id to the saved value' }).click()
    await dialog.getByText('Nothing: runs as saved.').waitFor()
  }))

  await kit.check('what is not a number is said at the field, and cannot be run', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByLabel('apps_id').fill('ten')
    await dialog.getByText('not a number').waitFor()
    assert(await dialog.getByRole('button', { name: 'Run', exact: true }).isDisabled(), 'it can be run')
  }))

  await kit.check('arguments of a step are edited as what they are: a list stays a list', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'billing-nightly-rebuild')
    await dialog.getByLabel('tenants of step rebuild').fill('["west"]')
    const body = await sent(page, () => dialog.getByRole('button', { name: 'Run', exact: true }).click())
    assert(JSON.stringify(body) === JSON.stringify({ op_kwargs: { rebuild: { tenants: ['west'] } } }), JSON.stringify(body))
    await page.locator('header [data-status="FAILED"]').waitFor()
  }))

  await kit.check('the failed run opens the dialog with its values, from its failed step on', () => kit.with('runs?status=FAILED', async (page) => {
    await page.locator('[data-run] a').first().click()
    await page.waitForURL(/\/runs\/[^/?]+/)
    await page.getByRole('button', { name: 'Run again…' }).click()
    const dialog = page.getByRole('dialog')
    assert(await dialog.getByLabel('tenants of step rebuild').inputValue() === '["west"]', 'the value of that run is lost')
    assert(!(await dialog.getByRole('checkbox', { name: 'Run step read-orders' }).isChecked()) && await dialog.getByRole('checkbox', { name: 'Run step rebuild' }).isChecked(), 'the selection is not the failed step and after')
  }))

  await kit.check('dry_run is drawn first, as a switch', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByRole('switch', { name: 'dry run' }).click()
    await dialog.getByText('dry_run: false → true').waitFor()
  }))

  await kit.check('only one step, or from one on, is a choice of two keys', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByRole('button', { name: 'Steps: SECURITY_USERS', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Only SECURITY_USERS', exact: true }).click()
    await until(page, () => [...document.querySelectorAll('dialog input[aria-label^="Run step"]')].filter((each) => each.checked).length === 1)
  }))

  await kit.check('a run that began meanwhile is named and can be opened', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'waits-in-the-middle')
    const run = await server.run('waits-in-the-middle')
    kit.expected.push(/status of 409/)
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    const link = dialog.getByRole('link', { name: 'open it' })
    await link.waitFor()
    assert((await link.getAttribute('href')).endsWith(run), 'it names another run')
    const { triggered_by } = (await server.call('GET', `admin/jobs/runs/${run}`)).body.run
    await dialog.getByRole('alert').filter({ hasText: new RegExp(`Already running since .*\\d.* by ${triggered_by}: open it`) }).waitFor()
    await kit.picture(page, 'dialog-running-light')
    kit.letGo(run)
    await server.reaches(run, 'SUCCEEDED')
  }))

  await kit.check('all, none, from one on, and back to the saved values', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    const on = (count) => until(page, (n) => [...document.querySelectorAll('dialog input[aria-label^="Run step"]')].filter((each) => each.checked).length === n, count)
    await dialog.getByRole('button', { name: 'None', exact: true }).click()
    await on(0)
    await dialog.getByRole('button', { name: 'All', exact: true }).click()
    await on(17)
    await dialog.getByRole('button', { name: 'Steps: SECURITY_RIGHTS_AUDIT', exact: true }).click()
    await page.getByRole('menuitem', { name: 'From SECURITY_RIGHTS_AUDIT on', exact: true }).click()
    await on(2)
    await dialog.getByLabel('apps_id').fill('20')
    await dialog.getByRole('button', { name: 'Reset', exact: true }).click()
    await on(17)
    await dialog.getByText('Nothing: runs as saved.').waitFor()
  }))

  await kit.check('for a batch the dialog stays, filled in, and what it would send can be copied', () => kit.with('jobs', async (page) => {
    const dialog = await openDialog(page, 'nomasx1-security-1')
    await dialog.getByRole('textbox', { name: 'apps_id' }).fill('31')
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await dialog.getByRole('button', { name: 'Copy this run' }).click()
    await page.getByRole('menuitem', { name: 'Copy as command line' }).click()
    await page.getByText('Command line copied').waitFor()
    assert(await page.evaluate(() => navigator.clipboard.readText()) === 'nomaflow job run nomasx1-security-1 --param apps_id=31', 'the clipboard has something else')
    await dialog.getByLabel('Stay here after the start').check()
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
    const started = dialog.getByRole('status').filter({ hasText: 'Started' }).getByRole('link')
    await started.waitFor()
    assert(await dialog.getByRole('textbox', { name: 'apps_id' }).inputValue() === '31', 'the form was emptied')
    await server.reaches((await started.getAttribute('href')).split('/').at(-1), 'SUCCEEDED')
  }))

  await kit.check('what empties tables wants its name typed', async () => {
    const made = await server.call('POST', 'admin/jobs', { app: 'shop', text: '[[jobs]]\nid = "replaces-all"\nparams = { replace = false }\n[[jobs.steps]]\nname = "COPY"\ntype = "python"\ncallable = "shop.work:copy"\n' })
    assert(made.status < 300, JSON.stringify(made.body))
    await kit.with('jobs', async (page) => {
      const dialog = await openDialog(page, 'replaces-all')
      const run = dialog.getByRole('button', { name: 'Run', exact: true })
      assert(await run.isEnabled(), 'it cannot be run as it is saved')
      await dialog.getByLabel('replace', { exact: true }).check()
      assert(await run.isDisabled(), 'it can be run without a word')
      await dialog.getByLabel('This run may empty tables. Type replaces-all to confirm.').fill('replaces-all')
      await kit.picture(page, 'dialog-danger-light')
      assert(JSON.stringify(await sent(page, () => run.click())) === '{"params":{"replace":true}}', 'another request was sent')
    })
  })

  const tidies = await server.call('POST', 'admin/jobs', { app: 'shop', text: '[[jobs]]\nid = "tidies-up"\nparams = { everything = false, quietly = false }\n[[jobs.steps]]\nname = "TIDY"\ntype = "python"\ncallable = "shop.work:tidy"\nop_kwargs = { wipe = "${params.everything}" }\n' })
  assert(tidies.status < 300, JSON.stringify(tidies.body))
  const WORDS = [['light', {}, 'What this run does with everything cannot be taken back. Type tidies-up to confirm.', 'Run'], ['dark', { colorScheme: 'dark', locale: 'fr-FR' }, 'Ce que cette exécution fait de everything est irréversible. Tapez tidies-up pour confirmer.', 'Lancer']]

  for (const [theme, options, asked, start] of WORDS) {
    await kit.check(`a param that the schema of its callable calls destructive wants the name typed, with the keys alone: ${theme}`, () => kit.with('jobs/tidies-up', async (page) => {
      await page.locator('header [data-act="run"]').press('Enter')
      const dialog = page.getByRole('dialog')
      const run = dialog.getByRole('button', { name: start, exact: true })
      await dialog.getByLabel('quietly', { exact: true }).press('Space')
      await run.and(page.locator(':enabled')).waitFor()
      const color = () => run.evaluate((it) => getComputedStyle(it).backgroundColor)
      const calm = await color()
      await dialog.getByLabel('everything', { exact: true }).press('Space')
      const box = dialog.getByLabel(asked)
      await box.waitFor()
      assert(await run.isDisabled(), 'it can be run without a word')
      await dialog.getByLabel('quietly', { exact: true }).press('Space')
      await kit.accessible(page)
      await kit.picture(page, `dialog-destructive-${theme}`)
      await box.focus()
      await page.keyboard.type('tidies-u')
      await page.keyboard.press('Control+Enter')
      assert(await run.isDisabled(), 'a part of the name is enough')
      await page.keyboard.type('p')
      await run.and(page.locator(':enabled')).waitFor()
      assert(await color() !== calm, 'the button looks as if nothing could happen')
      assert(JSON.stringify(await sent(page, () => page.keyboard.press('Control+Enter'))) === '{"params":{"everything":true}}', 'another request was sent')
      await page.locator('header [data-status="SUCCEEDED"]').waitFor()
    }, options))
  }

  await kit.check('whoever may run that one job and nothing else is asked, too; and so is everybody while nobody can say', async () => {
    const page = await openAs(kit, server, ['job:tidies-up'])
    try {
      for (const [answer, asked] of [[null, WORDS[0][2]], [403, 'Whether these changes can be taken back could not be looked up. Type tidies-up to confirm.']]) {
        if (answer) {
          kit.expected.push(/status of 403.*admin\/jobs\/callables/)
          await page.route('**/admin/jobs/callables', (route) => route.fulfill({ status: answer, contentType: 'application/problem+json', body: '{"title":"Forbidden","status":403}' }))
        }
        await page.goto(new URL('jobs/tidies-up', server.url).href)
        await page.locator('header [data-act="run"]').click()
        const dialog = page.getByRole('dialog')
        await dialog.getByLabel(answer ? 'quietly' : 'everything', { exact: true }).check()
        await dialog.getByLabel(asked).waitFor()
        assert(await dialog.getByRole('button', { name: 'Run', exact: true }).isDisabled(), 'it can be run without a word')
        await dialog.getByLabel(answer ? 'quietly' : 'everything', { exact: true }).uncheck()
        await dialog.getByLabel(asked).waitFor({ state: 'detached' })
      }
    } finally {
      await page.context().close()
    }
  })

  await kit.check('a whole number of 64 bits keeps its digits, typed and replayed', async () => {
    const made = await server.call('POST', 'admin/jobs', { app: 'shop', text: '[[jobs]]\nid = "from-scn"\nparams = { scn = 9007199254740993 }\n[[jobs.steps]]\nname = "COPY"\ntype = "python"\ncallable = "shop.work:copy"\n' })
    assert(made.status < 300, JSON.stringify(made.body))
    await kit.with('jobs', async (page) => {
      const dialog = await openDialog(page, 'from-scn')
      const box = dialog.getByRole('textbox', { name: 'scn' })
      assert(await box.inputValue() === '9007199254740993', await box.inputValue())
      await dialog.getByText('Nothing: runs as saved.').waitFor()
      await box.fill('9007199254740995')
      await dialog.getByText('scn: 9007199254740993 → 9007199254740995').waitFor()
      const run = async () => {
        const [request] = await Promise.all([page.waitForRequest((each) => each.method() === 'POST' && each.url().endsWith('/run')), dialog.getByRole('button', { name: 'Run', exact: true }).click()])
        assert(request.postData() === '{"params":{"scn":9007199254740995}}', request.postData())
      }
      await run()
      await page.locator('header [data-status="SUCCEEDED"]').waitFor()
      await page.locator('dl code', { hasText: '9007199254740995' }).waitFor()
      await page.getByRole('button', { name: 'Run again…', exact: true }).click()
      assert(await box.inputValue() === '9007199254740995', await box.inputValue())
      await run()
    })
  })

  await kit.check('values start from the saved ones, from the last different ones, or from a preset that was saved here', async () => {
    const first = await server.run('nomasx1-security-1', { params: { apps_id: 77 }, step_enabled: { JDE_MENUS: false } })
    await server.reaches(first, 'SUCCEEDED')
    await kit.with('jobs', async (page) => {
      const dialog = await openDialog(page, 'nomasx1-security-1')
      const option = await dialog.getByLabel('Start from').locator(`option[value="run:${first}"]`).innerText()
      assert(/SUCCEEDED/.test(option), option)
      await dialog.getByLabel('Start from').selectOption(`run:${first}`)
      assert(await dialog.getByRole('textbox', { name: 'apps_id' }).inputValue() === '77', 'the values of the run are not there')
      await dialog.getByText('JDE_MENUS: skip').waitFor()
      await dialog.getByRole('button', { name: 'Save as preset' }).click()
      await dialog.getByLabel('Name of the preset').fill('sandbox')
      await page.keyboard.press('Enter')
      await dialog.getByText('Saved as a preset.').waitFor()
      await dialog.getByLabel('Start from').selectOption('')
      await dialog.getByText('Nothing: runs as saved.').waitFor()
      await dialog.getByLabel('Start from').selectOption('preset:sandbox')
      assert(await dialog.getByRole('textbox', { name: 'apps_id' }).inputValue() === '77', 'the values of the preset are not there')
      await kit.picture(page, 'dialog-preset-light')
    })
    const { body } = await server.call('GET', 'admin/jobs/nomasx1-security-1/source')
    assert(JSON.stringify(body.job.presets) === JSON.stringify([{ name: 'sandbox', params: { apps_id: 77 }, step_enabled: { JDE_MENUS: false } }]), JSON.stringify(body.job.presets))
  })

  await kit.check('a replay always says which definition it runs', async () => {
    const run = await server.run('billing-nightly-rebuild')
    await server.reaches(run, 'FAILED')
    await kit.with(`runs/${run}`, async (page) => {
      await page.getByRole('button', { name: 'Run again…', exact: true }).click()
      const dialog = page.getByRole('dialog')
      assert(await dialog.getByRole('radio', { name: /as it is now/ }).isChecked(), 'the current one is not the default')
      await dialog.getByRole('radio', { name: /as it was in that run/ }).check()
      assert(await dialog.getByLabel('From step').inputValue() === 'rebuild', 'it does not begin at the failed step')
      await kit.picture(page, 'dialog-replay-light')
      const [request] = await Promise.all([page.waitForRequest((each) => each.method() === 'POST' && each.url().endsWith('/replay')), dialog.getByRole('button', { name: 'Run', exact: true }).click()])
      assert(JSON.stringify(request.postDataJSON()) === JSON.stringify({ from_step: 'rebuild', definition: 'stored' }), request.postData())
      await page.waitForURL((url) => /\/runs\//.test(url.pathname) && !url.pathname.endsWith(run))
    })
  })

  await kit.check('a secret never comes to the browser, and cannot be changed here', async () => {
    const { body: source, etag } = await server.call('GET', 'admin/jobs/writes-a-long-log/source')
    const job = { ...source.job, params: { ...source.job.params, password: 'hunter2' } }
    const saved = await server.call('PUT', 'admin/jobs/writes-a-long-log', { job }, { 'if-match': etag ?? `"${source.etag}"` })
    assert(saved.status === 200, JSON.stringify(saved.body))
    await kit.with('jobs', async (page) => {
      const bodies = []
      page.on('response', (answer) => bodies.push(answer.text().catch(() => '')))
      const dialog = await openDialog(page, 'writes-a-long-log')
      await dialog.getByText('•••• set on the server').waitFor()
      const body = await sent(page, () => dialog.getByRole('button', { name: 'Run', exact: true }).click())
      assert(JSON.stringify(body) === '{}', JSON.stringify(body))
      await page.locator('header [data-status="SUCCEEDED"]').waitFor()
      assert(!(await Promise.all(bodies)).some((text) => text.includes('hunter2')), 'the secret came to the browser')
    })
  })
}
