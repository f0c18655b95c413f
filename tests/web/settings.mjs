/** Settings: sessions, tokens, users, secrets, what the server was told, its history, export and import, the audit trail. */
import { readFileSync } from 'node:fs'
import { assert } from './kit.mjs'

const dialog = (page) => page.getByRole('dialog')

/** Types into a box that completes, waits until the choice is offered, and takes it with the keyboard. */
async function pick(page, label, value) {
  await dialog(page).getByLabel(label).fill(value)
  await dialog(page).getByRole('option', { name: value }).waitFor()
  await page.keyboard.press('Enter')
  await dialog(page).getByRole('button', { name: `Take away ${value}` }).waitFor()
}

const ALL = ['appearance', 'sessions', 'tokens', 'users', 'secrets', 'server', 'history', 'transfer', 'backup', 'audit', 'about']

export default async function (kit) {
  kit.expected.push(/status of (401|403|409|422)/)
  const page = await kit.open('settings/users')
  const go = (tab) => page.goto(new URL(`settings/${tab}`, kit.server.url).href)

  await kit.check('a user is made with permissions, and the one-time password is shown once', async () => {
    await page.getByRole('button', { name: 'New user' }).click()
    await dialog(page).getByLabel('Name', { exact: true }).fill('bob')
    await pick(page, 'Permissions', 'job:quick-check')
    await dialog(page).getByRole('button', { name: 'Take away job:quick-check' }).waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-new-user')
    await dialog(page).getByRole('button', { name: 'Create the user' }).click()
    await dialog(page).getByText('It is shown this once', { exact: false }).waitFor()
    const shown = await dialog(page).locator('code').first().innerText()
    await dialog(page).getByRole('button', { name: 'Done' }).click()
    const answer = await fetch(new URL('auth/login', kit.server.url), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: 'bob', password: shown }) })
    assert(answer.ok && (await answer.json()).must_change_password === true, `the password answered ${answer.status}`)
    assert(!(await page.content()).includes(shown), 'the password is still in the page')
  })

  await kit.check('why somebody may run a job is said, and why not', async () => {
    await page.getByRole('button', { name: 'Edit bob' }).click()
    const box = dialog(page).getByPlaceholder('Job', { exact: true })
    await box.fill('quick-check')
    await page.keyboard.press('Enter')
    await dialog(page).getByText('Yes, by').waitFor()
    await box.fill('billing')
    await page.keyboard.press('Enter')
    await dialog(page).getByText('No: none of the permissions opens it.').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-user')
  })

  await kit.check('a forgotten password is replaced by a new one-time password, with a link that brings it', async () => {
    await dialog(page).getByRole('button', { name: 'New one-time password' }).click()
    await dialog(page).getByText('It is shown this once', { exact: false }).waitFor()
    const [shown, link] = await dialog(page).locator('code').allInnerTexts()
    assert(link.startsWith(`${kit.server.url}auth/setup?user=bob`) && link.includes(shown), link)
    await kit.accessible(page)
    await dialog(page).getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Edit bob' }).click()
  })

  await kit.check('permissions are changed, and an account is disabled', async () => {
    await pick(page, 'Granted here', 'settings:jobs')
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).getByRole('button', { name: 'Saved' }).waitFor()
    await dialog(page).getByRole('button', { name: 'Disable' }).click()
    await dialog(page).getByRole('button', { name: 'Enable' }).waitFor()
    const { body } = await kit.server.call('GET', 'admin/users/bob')
    assert(body.disabled === true && body.permissions.join() === 'job:quick-check,settings:jobs', JSON.stringify(body))
    await dialog(page).getByRole('button', { name: 'Close' }).click()
  })

  await kit.check('the last superuser can be neither disabled nor deleted', async () => {
    await page.getByRole('button', { name: 'Edit admin' }).click()
    assert(await dialog(page).getByRole('button', { name: 'Disable' }).isDisabled(), 'can be disabled')
    assert(await dialog(page).getByRole('button', { name: 'Delete' }).isDisabled(), 'can be deleted')
    await dialog(page).getByRole('button', { name: 'Take away superuser' }).click()
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).getByRole('alert').filter({ hasText: 'last superuser' }).waitFor()
    await page.keyboard.press('Escape')
  })

  await kit.check('a user is deleted after the name was typed', async () => {
    await page.getByRole('button', { name: 'Edit bob' }).click()
    await dialog(page).getByRole('button', { name: 'Delete' }).click()
    const confirm = dialog(page).getByRole('button', { name: 'Delete' })
    assert(await confirm.isDisabled(), 'without the name')
    await dialog(page).getByRole('textbox').fill('bob')
    await confirm.click()
    await page.getByRole('button', { name: 'Edit bob' }).waitFor({ state: 'detached' })
  })

  await kit.check('a token is shown once with lines that work, and opens nothing once revoked', async () => {
    await go('tokens')
    await page.getByRole('button', { name: 'New token' }).click()
    await dialog(page).getByLabel('Name', { exact: true }).fill('nightly-ci')
    await dialog(page).getByLabel('Permissions').selectOption('narrow')
    await pick(page, 'only what is chosen here', 'job:quick-check')
    await kit.accessible(page)
    await dialog(page).getByRole('button', { name: 'Make the token' }).click()
    await dialog(page).getByText('It is shown this once.', { exact: false }).waitFor()
    const [secret, curl, cli] = await dialog(page).locator('code').allInnerTexts()
    assert(curl.includes(secret) && cli.includes(secret) && curl.includes(`${kit.server.url}admin/jobs`), curl)
    await kit.accessible(page)
    await kit.picture(page, 'settings-token')
    const ask = () => fetch(new URL('admin/jobs', kit.server.url), { headers: { authorization: `Bearer ${secret}` } })
    const jobs = (await (await ask()).json()).jobs.map((job) => job.id)
    assert(jobs.join() === 'quick-check', `the token sees ${jobs}`)
    await dialog(page).getByRole('button', { name: 'Done' }).click()
    assert(!(await page.content()).includes(secret), 'the token is still in the page')
    await page.getByRole('button', { name: 'Revoke nightly-ci' }).click()
    await dialog(page).getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('No tokens').waitFor()
    assert((await ask()).status === 401, 'a revoked token opens something')
  })

  await kit.check('sessions elsewhere are listed and ended', async () => {
    const other = await kit.open('jobs', { userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0' })
    await go('sessions')
    await page.getByText('this one').waitFor()
    await kit.accessible(page)
    await page.getByRole('button', { name: 'Sign out Firefox 130 · Linux' }).click()
    await page.getByText('Firefox 130').waitFor({ state: 'detached' })
    await other.getByRole('heading', { name: 'Sign in' }).waitFor()
    await other.context().close()
  })

  await kit.check('a secret goes in and never comes out', async () => {
    await go('secrets')
    await page.getByRole('button', { name: 'New secret' }).click()
    await dialog(page).getByLabel('Name', { exact: true }).fill('9 lives')
    assert(await dialog(page).locator('[aria-invalid="true"]').count() === 1, 'a wrong name is taken')
    await dialog(page).getByLabel('Name', { exact: true }).fill('SLACK_URL')
    await dialog(page).getByLabel('Value').fill('xyzzy-value')
    await dialog(page).getByText('${secret.SLACK_URL}').waitFor()
    await kit.accessible(page)
    await dialog(page).getByRole('button', { name: 'Keep the secret' }).click()
    await page.getByRole('button', { name: 'Replace SLACK_URL' }).waitFor()
    assert(!(await page.content()).includes('xyzzy-value'), 'the value is in the page')
    await page.getByRole('button', { name: 'Delete SLACK_URL' }).click()
    await dialog(page).getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No secrets').waitFor()
  })

  await kit.check('every setting shows what counts and who said so', async () => {
    await go('server')
    const row = page.getByRole('row').filter({ hasText: 'server.listen' })
    await row.getByText('command line').waitFor()
    await page.getByLabel('Only what is not at its default').check()
    await page.getByRole('row').filter({ hasText: 'jobs.history_days' }).waitFor({ state: 'detached' })
    assert(new URL(page.url()).searchParams.get('set') === 'yes', page.url())
  })

  await kit.check('history tells how long runs are kept, and a pass is a run', async () => {
    await go('history')
    await page.getByText('90 days').waitFor()
    await page.getByRole('button', { name: 'Remove what is too old now' }).click()
    await page.locator('[data-status="SUCCEEDED"]').waitFor()
    await page.getByText('Removed: runs').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-history')
  })

  await kit.check('the catalogue is exported, and an import is looked at before it is applied', async () => {
    await go('transfer')
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the snapshot' }).click()])
    const snapshot = JSON.parse(readFileSync(await saved.path(), 'utf8'))
    assert(snapshot.format === 'nomaflow-catalogue' && snapshot.jobs.length === 9, `${snapshot.jobs.length} jobs`)
    const give = (value) => page.getByLabel('Snapshot', { exact: true }).setInputFiles({ name: 'snapshot.json', mimeType: 'application/json', buffer: Buffer.from(value) })
    await give('no json')
    await page.getByText('This file is no JSON.').waitFor()
    const first = snapshot.jobs.find((job) => job.id === 'quick-check')
    first.text = first.text.replace('fires at once', 'begins at once')
    snapshot.jobs.push({ app: 'shop', id: 'copy-of-it', text: first.text.replace('quick-check', 'copy-of-it') })
    await give(JSON.stringify(snapshot))
    await page.getByRole('button', { name: 'Show what would change' }).click()
    await page.locator('[data-plan="changed"][data-count="1"]').waitFor()
    await page.locator('[data-plan="new"][data-count="1"]').waitFor()
    await page.getByText('Changes of quick-check').click()
    await page.getByText('begins at once', { exact: false }).first().waitFor()
    assert((await kit.server.call('GET', 'admin/jobs/copy-of-it')).status === 404, 'looking applied it')
    await kit.accessible(page)
    await kit.picture(page, 'settings-import')
    await page.getByRole('button', { name: 'Take it over' }).click()
    await page.getByText('Taken over.').waitFor()
    assert((await kit.server.call('GET', 'admin/jobs/copy-of-it')).status === 200, 'the new job is not there')
  })

  await kit.check('of a snapshot with an invalid job nothing is taken over, and the reason is shown', async () => {
    const { body: snapshot } = await kit.server.call('GET', 'admin/catalogue/export')
    snapshot.jobs.push({ app: 'shop', id: 'bad-one', text: '[[jobs]]\nid = "bad-one"\nschedule = "61 * * * *"\n[[jobs.steps]]\nname = "a"\ntype = "sql_query"\nconnector = "ops"\nquery = "select 1"\n' })
    await page.getByLabel('Snapshot', { exact: true }).setInputFiles({ name: 'snapshot.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(snapshot)) })
    await page.getByRole('button', { name: 'Show what would change' }).click()
    await page.locator('[data-plan="invalid"][data-count="1"]').waitFor()
    assert(await page.getByRole('button', { name: 'Take it over' }).isDisabled(), 'it can be applied')
    await page.getByText('61', { exact: false }).first().waitFor()
    await kit.accessible(page)
  })

  await kit.check('a connector that an import names and nobody has here is called what it is called here', async () => {
    await go('transfer')
    const { body: snapshot } = await kit.server.call('GET', 'admin/catalogue/export')
    snapshot.jobs.push({ app: 'shop', id: 'from-elsewhere', text: '[[jobs]]\nid = "from-elsewhere"\n[[jobs.steps]]\nname = "a"\ntype = "sql_query"\nconnector = "theirs"\nquery = "select 1"\n' })
    await page.getByLabel('Snapshot', { exact: true }).setInputFiles({ name: 'snapshot.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(snapshot)) })
    await page.getByRole('button', { name: 'Show what would change' }).click()
    const mapping = page.locator('[data-mapping="theirs"]')
    await mapping.getByRole('button', { name: 'Make theirs' }).waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-mapping')
    await mapping.locator('select').selectOption('ops')
    await page.locator('[data-plan="new"][data-count="1"]').waitFor()
    await page.locator('[data-plan="invalid"][data-count="0"]').waitFor()
    await page.getByRole('button', { name: 'Take it over' }).click()
    await page.getByText('Taken over.').waitFor()
    const { body } = await kit.server.call('GET', 'admin/jobs/from-elsewhere/source')
    assert(body.job.steps[0].connector === 'ops', JSON.stringify(body.job))
  })

  await kit.check('history tells what it takes, how that grows, and what another setting would remove', async () => {
    await go('history')
    await page.getByRole('table', { name: 'What it takes' }).getByText('ly2_job_runs').waitFor()
    await page.getByLabel('Days to keep').fill('0')
    await page.getByText('A whole number from 1 to 36,500.').waitFor()
    assert(await page.getByRole('button', { name: 'Count', exact: true }).isDisabled(), 'zero days can be asked for')
    await page.getByLabel('Days to keep').fill('7')
    await page.keyboard.press('Enter')
    await page.getByText('history_days = 7 below [jobs]', { exact: false }).waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-history-growth')
  })

  await kit.check('the backup page names what to save, and that it never was', async () => {
    await go('backup')
    const things = page.getByRole('table', { name: 'What to save' })
    await things.getByText('secrets.key', { exact: false }).waitFor()
    assert(await things.getByText('can be read', { exact: true }).count() === 3, 'something cannot be read')
    await page.getByText('There is none that the audit trail knows of.').waitFor()
    await page.getByText('nomaflow restore ARCHIVE --home DIR').waitFor()
    assert((await kit.server.call('GET', 'admin/catalogue/export')).status === 200, 'nothing is exported')
    await page.reload()
    const exported = page.locator('dt', { hasText: 'Last export of the catalogue' }).locator('xpath=following-sibling::dd')
    await exported.getByText(/· by /).waitFor()
    assert(await exported.locator('time').count() === 2, 'its age and its instant are not both there')
    await kit.accessible(page)
    await kit.picture(page, 'settings-backup')
  })

  await kit.check('the audit trail is filtered by its address, verified and exported', async () => {
    await go('audit?action=users')
    await page.getByText('users.create').first().waitFor()
    assert(await page.getByText('secrets.put').count() === 0, 'other actions are shown')
    await page.getByLabel('Outcome').selectOption('failed')
    await page.getByText('users.patch').first().waitFor()
    assert(new URL(page.url()).searchParams.get('outcome') === 'failed', page.url())
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.locator('[data-verified="true"]').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'settings-audit')
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export' }).click()])
    const lines = readFileSync(await saved.path(), 'utf8').trim().split('\n')
    assert(lines.length > 10 && JSON.parse(lines.at(-1)).hash, `${lines.length} lines`)
  })

  for (const [look, options] of Object.entries({
    light: {},
    zoomed: { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 },
    'narrow-dark-fr': { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' },
  })) {
    await kit.check(`every part of the settings, ${look}: fits and is accessible`, () => kit.with(null, async (tab) => {
      for (const part of ALL) {
        await tab.goto(new URL(`settings/${part}`, kit.server.url).href)
        await tab.locator('#content nav [aria-current="page"]').waitFor()
        await tab.locator('#content p, #content table, #content section').first().waitFor()
        await tab.getByRole('status', { name: /^(Loading|Chargement)/ }).waitFor({ state: 'hidden' })
        await kit.fits(tab)
        await kit.accessible(tab)
        await kit.picture(tab, `settings-${part}-${look}`)
      }
    }, options))
  }
  await page.context().close()
}
