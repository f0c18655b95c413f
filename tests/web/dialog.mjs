/** Run with parameters: the sentences of the seeds about the dialog. */
import { assert, card, until } from './kit.mjs'

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
    kit.letGo(run)
    await server.reaches(run, 'SUCCEEDED')
  }))
}
