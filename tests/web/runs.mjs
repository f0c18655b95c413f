/** The list of runs. */
import { assert, live, until } from './kit.mjs'

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
}
