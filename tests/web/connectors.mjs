/** The connectors: where they lead, whether they work, what is in them. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert, LIMIT } from './kit.mjs'
import { openAs } from './people.mjs'

export default async function (kit) {
  const { server } = kit
  // Refusals that are asked for.
  kit.expected.push(/status of (409|422)/)
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
[pools.narrow]
url = "sqlite:data/ops.db"
pool_size = 1
acquire_timeout_seconds = 600
[connectors.narrow]
type = "sql"
`)
  // One step holds the only connection until it is let go, another one asks for it meanwhile.
  writeFileSync(join(server.home, 'plugins/shop/shop/pool.py'), `
from shop.work import gate

def hold(ctx):
    """Reads the first of two rows, then waits."""
    rows = ctx.get_connector("narrow").stream("select 1 as i union all select 2", batch_size=1)
    next(rows)
    gate(ctx)
    rows.close()
`)
  appendFileSync(join(server.home, 'plugins/shop/jobs.toml'), `
[[jobs]]
id = "holds-the-connection"
[[jobs.steps]]
name = "HOLD"
type = "python"
callable = "shop.pool:hold"
[[jobs]]
id = "wants-the-connection"
[[jobs.steps]]
name = "WANT"
type = "sql_query"
connector = "narrow"
query = "select 1 as one"
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

  await kit.check('a pool that is used up says who waits and what to do; its last quarter of an hour says so afterwards', async () => {
    const pool = async () => (await server.call('GET', 'admin/connectors')).body.connectors.find((each) => each.name === 'narrow').pool
    const becomes = async (inUse, waiting) => {
      const deadline = Date.now() + LIMIT
      for (let now = await pool(); now.in_use !== inUse || now.waiting !== waiting; now = await pool()) {
        assert(Date.now() < deadline, `the pool has ${JSON.stringify(now)}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    const holds = await server.run('holds-the-connection')
    try {
      await becomes(1, 0)
      const wants = await server.run('wants-the-connection')
      await becomes(1, 1)
      await kit.with('connectors/narrow', async (page) => {
        const gauge = page.locator('dl [data-full]')
        await gauge.getByText('1 of 1 in use, 1 waiting now', { exact: true }).waitFor()
        const bar = gauge.getByRole('meter', { name: 'Connections of pool narrow' })
        assert(await bar.evaluate((it) => it.value === 1 && it.max === 1), 'the bar is not full')
        await gauge.getByRole('status').getByText('Every connection is in use: steps wait for one. Give it a larger pool_size, or the heavy jobs a pool of their own.').waitFor()
        const history = page.locator('[data-queued="1"]')
        await history.getByText(/^1 step waited for a connection\. at most 1 of 1 in use/).waitFor({ timeout: LIMIT })
        await history.getByRole('note').getByText(/Raise pool_size if the database can bear it, or declare a pool of their own for heavy jobs/).waitFor()
        await history.getByRole('img', { name: /connections in use, steps that had to wait: 1 step waited/ }).waitFor()
        await kit.picture(page, 'connector-full-light')
        await kit.accessible(page)
        await page.emulateMedia({ colorScheme: 'dark' })
        await kit.picture(page, 'connector-full-dark')
        await kit.accessible(page)
        await page.getByRole('link', { name: 'Connectors' }).first().click()
        await page.locator('[data-connector="narrow"]').getByText('1 of 1 in use, 1 waiting now').waitFor()
      })
      kit.letGo(holds)
      await server.reaches(holds, 'SUCCEEDED')
      await server.reaches(wants, 'SUCCEEDED')
    } finally {
      kit.letGo(holds)
    }
    await becomes(0, 0)
    await kit.with('connectors/narrow', async (page) => {
      await page.getByText('0 of 1 in use', { exact: true }).waitFor()
      await page.locator('[data-queued="1"]').getByText(/the longest wait took/).first().waitFor({ timeout: LIMIT })
      await page.locator('[data-queued="1"]').getByRole('note').waitFor()
      assert(await page.locator('dl [data-full]').count() === 0, 'a free pool is called full')
    })
  })

  await kit.check('a connector that is gone says what that means', () => kit.with('connectors/never-was', async (page) => {
    await page.getByText('There is no such connector').waitFor()
  }))

  await kit.check('a person who may see one job is offered no test', async () => {
    const page = await openAs(kit, server, ['job:quick-check'])
    try {
      await page.goto(new URL('connectors/ops', server.url).href)
      await page.getByText('No job you may see uses it.').waitFor()
      assert(await page.getByRole('button', { name: 'Test ops' }).count() === 0, 'a test is offered')
      assert(await page.getByRole('button', { name: 'Change' }).count() === 0, 'a change is offered')
    } finally {
      await page.context().close()
    }
  })

  await kit.check('a connector is tested with values that are not saved, then saved, with its password sealed', () => kit.with('connectors', async (page) => {
    await page.getByRole('button', { name: 'New connector' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name', { exact: true }).fill('lake')
    await dialog.getByLabel('Address').fill('postgres://lake@127.0.0.1:1/lake')
    await dialog.getByLabel('Connections').fill('0')
    await dialog.getByLabel('Password').fill('typed-here-only')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText(/pool_size.*1 to 1000/).waitFor()
    await dialog.getByLabel('Connections').fill('4')
    await dialog.getByRole('button', { name: 'Test these values' }).click()
    await dialog.locator('[data-stage="connect"][data-ok="false"]').waitFor()
    await dialog.locator('[data-stage="sign-in"][data-ok="not-reached"]').waitFor()
    await kit.picture(page, 'connector-edit-light')
    await kit.accessible(page)
    assert(!readFileSync(join(server.home, 'connectors.toml'), 'utf8').includes('lake'), 'a test saved')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/connectors\/lake$/)
    const text = readFileSync(join(server.home, 'connectors.toml'), 'utf8')
    assert(/\[pools\.lake\]/.test(text) && /password = "ENC:1:/.test(text) && !text.includes('typed-here-only'), text)
    await page.getByText(/set \(changed/).waitFor()
  }))

  await kit.check('saving without touching keeps the password; a new one is asked for on demand', () => kit.with('connectors/lake', async (page) => {
    const sealed = () => /lake[^]*?(password = "ENC:[^"]*")/.exec(readFileSync(join(server.home, 'connectors.toml'), 'utf8'))?.[1]
    const before = sealed()
    await page.getByRole('button', { name: 'Change' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[data-secret="keep"]').getByText(/set \(changed/).waitFor()
    assert(await dialog.locator('input[type="password"]').count() === 0, 'a field looks like an empty password')
    await dialog.getByLabel('Connections').fill('6')
    await dialog.getByRole('button', { name: 'Add a query' }).click()
    await dialog.getByLabel('Name of the query').fill('ping')
    await dialog.getByLabel('Its SQL: ping').fill('select 1 as pong')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.locator('[data-query="ping"]').getByText('select 1 as pong').waitFor()
    await page.getByText('0 of 6 in use', { exact: true }).waitFor()
    assert(before && sealed() === before, 'the password changed')
    await page.getByRole('button', { name: 'Change' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'New value' }).click()
    await page.getByRole('dialog').getByLabel('New value of the password').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Keep as it is' }).click()
    await page.getByRole('dialog').locator('[data-secret="keep"]').waitFor()
  }))

  await kit.check('somebody who saved meanwhile is not overwritten', () => kit.with('connectors/lake', async (page) => {
    await page.getByRole('button', { name: 'Change' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Connections').fill('7')
    const now = (await server.call('GET', 'admin/connectors/lake')).body
    const pool = { ...now.pool.values, pool_size: 9 }
    const other = await server.call('PUT', 'admin/connectors/lake', { connector: now.connector, pool }, { 'if-match': '*' })
    assert(other.status === 200, JSON.stringify(other.body))
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.getByText('Somebody has saved this connector meanwhile.').waitFor()
    await dialog.getByRole('button', { name: 'Read what is saved' }).click()
    assert(await dialog.getByLabel('Connections').inputValue() === '9', 'what is saved is not shown')
  }))

  await kit.check('a used name is locked: deleting lists who uses it, renaming changes them too', () => kit.with('connectors/ops', async (page) => {
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('dialog').getByText('It cannot be deleted while somebody names it:').waitFor()
    assert(await page.getByRole('dialog').locator('[data-reference]').count() > 0, 'nobody is listed')
    await kit.accessible(page)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Rename' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[data-reference]').first().waitFor()
    await kit.picture(page, 'connector-rename-light')
    await dialog.getByLabel('New name').fill('operational')
    await dialog.getByRole('button', { name: 'Rename' }).click()
    await page.waitForURL(/connectors\/operational$/)
    await page.locator('[data-reference]').first().waitFor()
    const back = await server.call('POST', 'admin/connectors/operational/rename', { to: 'ops' })
    assert(back.status === 200 && back.body.references.length > 0, JSON.stringify(back.body))
  }))

  await kit.check('a connector nobody names is deleted once its name is typed', () => kit.with('connectors/lake', async (page) => {
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox').fill('lake')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.waitForURL(/connectors$/)
    await page.locator('[data-connector="ops"]').waitFor()
    assert(!readFileSync(join(server.home, 'connectors.toml'), 'utf8').includes('lake'), 'it is still declared')
  }))

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
