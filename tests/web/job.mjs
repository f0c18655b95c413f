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
}
