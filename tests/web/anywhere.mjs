/** Where the page can stand: below a path, under a name that is no secure context, without internet; and without its server for a while. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeHome, removeHome, startServer } from './home.mjs'
import { assert, card, LAN, live } from './kit.mjs'

async function enterToken(page, token) {
  await page.getByRole('button', { name: 'Sign in with a token' }).click()
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** The addresses a page asks for from now on, without those that stand in the page itself. */
function asked(page) {
  const all = []
  page.on('request', (request) => request.url().startsWith('data:') || all.push(new URL(request.url())))
  return all
}

export default async function (kit) {
  const { server } = kit
  // Nobody is signed in at first.
  kit.expected.push(/status of 401/)

  await kit.check('over plain HTTP under a name of the local network everything works, and nothing is asked of anybody else', async () => {
    const url = server.url.replace('127.0.0.1', LAN)
    await kit.with(null, async (page) => {
      const addresses = asked(page)
      await page.goto(new URL('jobs', url).href)
      await enterToken(page, server.token)
      await card(page, 'quick-check').waitFor()
      assert(!(await page.evaluate(() => globalThis.isSecureContext || 'clipboard' in navigator)), 'the context is secure')
      await live(page)
      await card(page, 'quick-check').locator('[data-act="run"]').click()
      await card(page, 'quick-check').locator('[data-status="SUCCEEDED"] a, a[data-status="SUCCEEDED"], [data-status="SUCCEEDED"]').first().waitFor()
      await page.goto(new URL('runs', url).href)
      await page.locator('[data-run] a').first().click()
      await page.getByRole('button', { name: 'Copy the run id' }).click()
      await page.locator('textarea').waitFor()
      const hosts = [...new Set(addresses.map((address) => address.host))]
      assert(hosts.join() === new URL(url).host, `asked of ${hosts}`)
    }, { signedOut: true })
  })

  await kit.check('the page says since when it hears nothing, and goes on when the server is back', async () => {
    const page = await kit.open('jobs')
    await live(page)
    kit.expected.push(/ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|ERR_SOCKET|Failed to fetch|network error|Failed to load/)
    await server.stop('SIGKILL')
    const pill = page.locator('[data-live="offline"]')
    await pill.waitFor()
    assert(/offline since \d\d:\d\d/.test(await pill.innerText()), await pill.innerText())
    await kit.accessible(page)
    await kit.picture(page, 'offline')
    Object.assign(server, await startServer(process.env.NOMAFLOW_BIN, server.home, server.listen))
    await pill.getByRole('button').click({ timeout: 2_000 }).catch(() => {})
    await live(page)
    await page.context().close()
  })

  const home = makeHome(process.env.NOMAFLOW_BIN)
  writeFileSync(join(home, 'app.toml'), '[server]\npublic_url = "https://jobs.example.org/ops/nomaflow"\n')
  const other = await startServer(process.env.NOMAFLOW_BIN, home)
  const base = '/ops/nomaflow/'
  kit.server = { ...other, url: new URL(base, other.url).href }
  try {
    await kit.check('below a path every address is below it: deep links, chunks, the live stream, a reload', () => kit.with('jobs/quick-check?tab=runs', async (page) => {
      await live(page)
      await page.getByRole('heading', { name: 'quick-check' }).waitFor()
      const addresses = asked(page)
      await page.reload()
      await live(page)
      await page.getByRole('link', { name: 'Jobs', exact: true }).first().click()
      await page.waitForURL((url) => url.pathname === `${base}jobs`)
      await card(page, 'quick-check').locator('[data-act="run"]').click()
      await card(page, 'quick-check').locator('[data-status="SUCCEEDED"]').first().waitFor()
      for (const [place, sign] of [['Schedule', 'schedule'], ['Health', 'health'], ['Settings', 'settings']]) {
        await page.getByRole('link', { name: place, exact: true }).first().click()
        await page.waitForURL((url) => url.pathname === `${base}${sign}`)
        await page.getByRole('heading', { name: place, exact: true }).waitFor()
      }
      const outside = addresses.filter((address) => !address.pathname.startsWith(base))
      assert(addresses.length > 5 && outside.length === 0, `asked for ${outside.join(' ')}`)
    }))

    await kit.check('signing in and out stays below the path, with scripts and without', async () => {
      await kit.with('settings/about', async (page) => {
        await page.waitForURL((url) => url.pathname === `${base}login`)
        await enterToken(page, other.token)
        await page.waitForURL((url) => url.pathname === `${base}settings/about`)
        await page.getByRole('button', { name: /^Account and appearance/ }).click()
        await page.getByRole('button', { name: 'Sign out', exact: true }).click()
        await page.waitForURL((url) => url.pathname === `${base}login`)
      }, { signedOut: true })
      const { body } = await other.call('POST', 'admin/users', { name: 'nora', permissions: ['job:*'] })
      await kit.with(body.setup_path.slice(1), async (page) => {
        await page.getByLabel('New password', { exact: true }).fill('seven green bottles')
        await page.getByLabel('New password, once more').fill('seven green bottles')
        await page.getByRole('button', { name: 'Choose this password' }).click()
        await page.waitForURL((url) => url.pathname === base)
        await page.goto(new URL('auth/login?to=/runs', kit.server.url).href)
        assert(await page.getByRole('link', { name: /^Go on|Continue/ }).evaluate((link) => link.pathname) === `${base}runs`, 'the way on leads elsewhere')
        await page.getByRole('button', { name: 'Sign out' }).click()
        await page.getByRole('link', { name: 'Sign in', exact: true }).click()
        await page.waitForURL((url) => url.pathname === `${base}auth/login`)
      }, { signedOut: true, javaScriptEnabled: false })
    })

    await kit.check('the same server answers without the path, too', () => kit.with(null, async (page) => {
      await page.goto(new URL('/jobs', other.url).href)
      await enterToken(page, other.token)
      await card(page, 'quick-check').waitFor()
      assert(new URL(page.url()).pathname === '/jobs', page.url())
    }, { signedOut: true }))
  } finally {
    kit.server = server
    await kit.close()
    await other.stop()
    removeHome(home)
  }
}
