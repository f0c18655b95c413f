/** The connectors: where they lead, whether they work, what is in them. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert } from './kit.mjs'
import { openAs } from './people.mjs'

export default async function (kit) {
  const { server } = kit
  appendFileSync(join(server.home, 'connectors.toml'), `
[connectors.ops.queries.totals]
sql = "select 1 as total"
[connectors.ops.queries.purge]
sql = "delete from orders where day < :day"
writable = true
[pools.erp]
url = "postgres://nomaflow@127.0.0.1:1/sales"
password = "not-to-be-seen"
read_only = true
pool_size = 3
[connectors.erp]
type = "sql"
[connectors.people]
type = "ldap"
url = "ldap://127.0.0.1:1"
base = "dc=example"
`)
  await kit.check('reading again shows what was declared meanwhile', () => kit.with('connectors', async (page) => {
    await page.getByRole('button', { name: 'Read again' }).click()
    await page.locator('[data-connector="erp"]').waitFor()
    await page.getByRole('button', { name: 'Read', exact: true }).waitFor()
  }))

  await kit.check('the list tells type, target without credentials, pool and the jobs that use it', () => kit.with('connectors', async (page) => {
    const erp = page.locator('[data-connector="erp"]')
    await erp.waitFor()
    const text = await erp.innerText()
    assert(/postgres/.test(text) && /127\.0\.0\.1:1\/sales/.test(text) && /0 of 3 in use/.test(text) && /read only/.test(text), text)
    assert(!(await page.content()).includes('not-to-be-seen'), 'a password is shown')
    assert(/1 job/.test(await page.locator('[data-connector="ops"]').innerText()), 'the job that uses it is missing')
    assert(/directory/.test(await page.locator('[data-connector="people"]').innerText()), 'the directory is not told')
    await kit.picture(page, 'connectors-list-light')
    await kit.accessible(page)
  }))

  await kit.check('the filter stands in the address', () => kit.with('connectors', async (page) => {
    await page.getByLabel('Filter the connectors').fill('postgres')
    await page.locator('[data-connector="ops"]').waitFor({ state: 'detached' })
    await page.waitForURL(/q=postgres/)
    await page.reload()
    await page.locator('[data-connector="erp"]').waitFor()
    await page.getByLabel('Filter the connectors').fill('nothing-like-it')
    await page.getByRole('button', { name: 'Clear the filter' }).click()
    await page.locator('[data-connector="ops"]').waitFor()
  }))

  await kit.check('a test that passes says each stage and the version of the server', () => kit.with('connectors/ops', async (page) => {
    await page.getByRole('button', { name: 'Test ops' }).click()
    await page.locator('[data-test="passed"]').waitFor()
    await page.locator('[data-stage="sign-in"][data-ok="true"]').waitFor()
    const { body } = await server.call('GET', 'admin/connectors')
    const version = body.connectors.find((each) => each.name === 'ops').last_test.detail
    assert((await page.locator('[data-test]').innerText()).includes(version), `${version} is not told`)
    await kit.picture(page, 'connector-light')
    await kit.accessible(page)
  }))

  await kit.check('a test that fails names the stage, says why in the words of the driver, and what was not reached', () => kit.with('connectors/erp', async (page) => {
    await page.getByRole('button', { name: 'Test erp' }).click()
    await page.locator('[data-test="failed"]').waitFor()
    await page.locator('[data-stage="connect"][data-ok="false"]').getByText(/refused|cannot be reached/).waitFor()
    await page.locator('[data-stage="sign-in"][data-ok="not-reached"]').waitFor()
    await kit.picture(page, 'connector-fails-light')
    await kit.accessible(page)
    await page.getByRole('link', { name: 'Connectors' }).first().click()
    await page.locator('[data-connector="erp"]').getByText('fails').waitFor()
  }))

  await kit.check('tables are asked for when one looks, and found by a part of their names', () => kit.with('connectors/ops', async (page) => {
    const asked = []
    page.on('request', (request) => request.url().includes('/tables') && asked.push(request.url()))
    await page.getByRole('button', { name: 'Look at its tables' }).waitFor()
    assert(asked.length === 0, 'the database was asked at once')
    await page.getByRole('button', { name: 'Look at its tables' }).click()
    await page.getByText('No table or view has such a name.').waitFor()
  }))

  await kit.check('named queries show their text and whether they write', () => kit.with('connectors/ops', async (page) => {
    const purge = page.locator('[data-query="purge"]')
    await purge.getByText('delete from orders where day < :day').waitFor()
    await purge.getByText('may write').waitFor()
    await page.locator('[data-query="totals"]').getByText('reads').waitFor()
  }))

  await kit.check('a connector that is gone says what that means', () => kit.with('connectors/never-was', async (page) => {
    await page.getByText('There is no such connector').waitFor()
  }))

  await kit.check('a person who may see one job is offered no test', async () => {
    const page = await openAs(kit, server, ['job:quick-check'])
    try {
      await page.goto(new URL('connectors/ops', server.url).href)
      await page.getByText('No job you may see uses it.').waitFor()
      assert(await page.getByRole('button', { name: 'Test ops' }).count() === 0, 'a test is offered')
    } finally {
      await page.context().close()
    }
  })

  for (const [look, options] of Object.entries({ dark: { colorScheme: 'dark' }, 'narrow-light': { viewport: { width: 390, height: 844 } } })) {
    await kit.check(`list and detail, ${look}: fit and are accessible`, () => kit.with(null, async (page) => {
      for (const [path, name, sign] of [['connectors', 'connectors-list', '[data-connector]'], ['connectors/ops?like=a', 'connector', '[data-query]']]) {
        await page.goto(new URL(path, server.url).href)
        await page.locator(sign).first().waitFor()
        await kit.picture(page, `${name}-${look}`)
        await kit.fits(page)
        await kit.accessible(page)
      }
    }, options))
  }
}
