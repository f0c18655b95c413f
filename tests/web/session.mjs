/** Sessions: the refresh nobody sees, one-time passwords, what an identity provider refused, signing out everywhere. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeHome, removeHome, startServer } from './home.mjs'
import { assert, live } from './kit.mjs'
import { openAs } from './people.mjs'

const HEADING = (page, name) => page.getByRole('heading', { name, exact: true })

/** What the browser does by itself when the minutes of the access token are over. */
const expire = (page) => page.context().clearCookies({ name: 'nomaflow_session' })

async function enter(page, user, password) {
  await page.getByLabel('User').fill(user)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** A provider of OpenID Connect on this machine, and a server that believes it. */
async function withProvider(body) {
  const provider = spawn(process.execPath, [fileURLToPath(new URL('../oidc/provider.mjs', import.meta.url)), '0'], { stdio: ['pipe', 'pipe', 'ignore'] })
  const home = makeHome(process.env.NOMAFLOW_BIN)
  let server
  try {
    let said = ''
    for await (const part of provider.stdout) {
      said += part
      if (said.includes('\n')) break
    }
    const issuer = said.match(/^issuer (\S+)/m)?.[1]
    assert(issuer, `the provider does not start (npm --prefix tests/oidc ci installs it): ${said}`)
    process.env.IDP_SECRET = 'pass word/1+%~'
    writeFileSync(join(home, 'app.toml'), `[[auth.oidc]]\nname = "corp"\nlabel = "The company"\nissuer = "${issuer}"\nclient_id = "nomaflow"\nclient_secret = "\${env.IDP_SECRET}"\nscopes = ["openid", "profile", "email", "groups"]\n[auth.oidc.permissions]\nops = ["job:*"]\n`)
    server = await startServer(process.env.NOMAFLOW_BIN, home)
    await body(server, issuer)
  } finally {
    await server?.stop()
    provider.kill()
    removeHome(home)
  }
}

export default async function (kit) {
  kit.expected.push(/status of 40[139]/)
  const page = await kit.open('jobs')
  await HEADING(page, 'Jobs').waitFor()
  await live(page)
  const refreshes = []
  page.on('response', (answer) => {
    if (answer.url().endsWith('auth/refresh')) refreshes.push(answer.status())
  })

  await kit.check('a session whose minutes are over goes on without anybody noticing', async () => {
    await expire(page)
    await page.getByRole('link', { name: 'Runs', exact: true }).first().click()
    await HEADING(page, 'Runs').waitFor()
    await page.getByRole('button', { name: 'SUCCEEDED' }).waitFor()
    for (let i = 0; i < 200 && refreshes.length === 0; i++) await page.waitForTimeout(50)
    assert(refreshes.join() === '200', `refreshed: ${refreshes}`)
    assert(await page.getByRole('heading', { name: 'Sign in' }).count() === 0, 'asked to sign in')
  })

  await kit.check('a page that is loaded after the minutes are over is the page, not the sign-in', async () => {
    await expire(page)
    await page.reload()
    await HEADING(page, 'Runs').waitFor()
    await live(page)
  })

  await kit.check('a stream that is opened again with a session whose minutes are over tells what happens', async () => {
    const run = await kit.server.run('waits-at-the-gate')
    const link = page.locator(`a[href$="runs/${run}"]`).first()
    await link.waitFor()
    await expire(page)
    // The log of another run needs the stream anew.
    await link.click()
    await page.getByText('waiting at the gate').first().waitFor()
    await expire(page)
    kit.letGo(run)
    await page.locator('[data-status="SUCCEEDED"]').first().waitFor()
    await page.goBack()
    await HEADING(page, 'Runs').waitFor()
  })

  await kit.check('two tabs whose minutes are over at once both go on', async () => {
    const tabs = [page, await page.context().newPage()]
    await tabs[1].goto(new URL('jobs', kit.server.url).href)
    await HEADING(tabs[1], 'Jobs').waitFor()
    await expire(page)
    await Promise.all(tabs.map((tab) => tab.reload()))
    await HEADING(tabs[0], 'Runs').waitFor()
    await HEADING(tabs[1], 'Jobs').waitFor()
    await tabs[1].close()
  })

  await kit.check('a session that was ended leads to the sign-in, and back to the page', async () => {
    const { body } = await kit.server.call('POST', 'admin/users', { name: 'vera', permissions: ['job:*'] })
    await kit.with('runs', async (tab) => {
      await HEADING(tab, 'Sign in').waitFor()
      await enter(tab, 'vera', body.one_time_password)
      // The one-time password opens nothing but its own change.
      await HEADING(tab, 'Choose your own password').waitFor()
      await tab.getByLabel('The password you were given').fill(body.one_time_password)
      await tab.getByLabel('New password', { exact: true }).fill('seven green bottles')
      await tab.getByLabel('New password, once more').fill('seven green bottles')
      await kit.accessible(tab)
      await kit.picture(tab, 'session-new-password')
      await tab.getByRole('button', { name: 'Change the password' }).click()
      await HEADING(tab, 'Runs').waitFor()
      await kit.server.call('PATCH', 'admin/users/vera', { disabled: true })
      await HEADING(tab, 'Sign in').waitFor()
      await kit.server.call('PATCH', 'admin/users/vera', { disabled: false })
      await enter(tab, 'vera', 'seven green bottles')
      await HEADING(tab, 'Runs').waitFor()
    }, { signedOut: true })
  })

  await kit.check('a session that ends under something unsaved is opened again in place, and what was typed is still there', async () => {
    const tab = await openAs(kit, kit.server, ['superuser'])
    try {
      const { user } = await (await tab.context().request.get(new URL('auth/me', kit.server.url).href)).json()
      await tab.goto(new URL('jobs/quick-check/edit', kit.server.url).href)
      await live(tab)
      const description = tab.locator('[data-pointer="/description"] input')
      await description.fill('typed before the session ended')
      await tab.getByText('no problem found').waitFor()
      await kit.server.call('PATCH', `admin/users/${user}`, { disabled: true })
      const dialog = tab.getByRole('dialog', { name: 'You were signed out' })
      await dialog.waitFor()
      await kit.accessible(tab)
      await kit.picture(tab, 'session-again')
      await kit.server.call('PATCH', `admin/users/${user}`, { disabled: false })
      await enter(dialog, user, `A password of ${user}, long enough`)
      await dialog.waitFor({ state: 'detached' })
      assert(await description.inputValue() === 'typed before the session ended', 'what was typed is gone')
      await tab.locator('[data-act="save"]').click()
      await tab.locator('[data-saved]').waitFor()
    } finally {
      await tab.context().close()
    }
  })

  await kit.check('what somebody chose goes with them to another browser', async () => {
    const first = await kit.open('settings', { signedOut: true })
    const second = await kit.open(null, { signedOut: true })
    try {
      await HEADING(first, 'Sign in').waitFor()
      await enter(first, 'vera', 'seven green bottles')
      await HEADING(first, 'Settings').waitFor()
      const kept = first.waitForResponse((answer) => answer.url().endsWith('auth/preferences') && answer.request().method() === 'PUT' && answer.ok())
      await first.getByRole('main').getByLabel('Theme').selectOption('dark')
      await kept
      await second.goto(new URL('jobs', kit.server.url).href)
      await HEADING(second, 'Sign in').waitFor()
      await enter(second, 'vera', 'seven green bottles')
      await second.locator('html[data-theme="dark"]').waitFor()
    } finally {
      await first.context().close()
      await second.context().close()
    }
  })

  await kit.check('signing out everywhere ends the sessions of other browsers, too', async () => {
    const signIn = async (tab) => {
      await HEADING(tab, 'Sign in').waitFor()
      await enter(tab, 'vera', 'seven green bottles')
      await HEADING(tab, 'Jobs').waitFor()
    }
    const first = await kit.open('jobs', { signedOut: true })
    const second = await kit.open('jobs', { signedOut: true })
    try {
      await signIn(first)
      await signIn(second)
      await first.getByRole('button', { name: /^Account and appearance/ }).click()
      await first.getByRole('button', { name: 'Sign out everywhere' }).click()
      await HEADING(first, 'Sign in').waitFor()
      await HEADING(second, 'Sign in').waitFor()
    } finally {
      await first.context().close()
      await second.context().close()
    }
  })

  await kit.check('what an identity provider refused is said in words, and only in ours', async () => {
    await kit.with('login?provider=corp&problem=no-account', async (tab) => {
      await tab.getByText('You have no account here.', { exact: false }).waitFor()
      await kit.accessible(tab)
      await kit.picture(tab, 'session-provider-problem')
      await tab.goto(new URL('login?provider=call-0800-EVIL&problem=call-0800-EVIL', kit.server.url).href)
      await tab.getByText('The log of the server says why.').waitFor()
      assert(!(await tab.locator('body').innerText()).includes('EVIL'), 'words of the address are shown')
    }, { signedOut: true })
  })

  await kit.check('signing out ends the session at the identity provider too, which sends the browser back', async () => {
    await withProvider(async (server, issuer) => {
      const context = await kit.browser.newContext({ locale: 'en-GB' })
      try {
        const tab = await context.newPage()
        await tab.goto(new URL('login?to=/runs', server.url).href)
        await tab.getByRole('link', { name: 'Sign in with The company' }).click()
        // The provider has an address in place of a form.
        await tab.waitForURL(/\/interaction\//)
        await tab.goto(`${tab.url()}/finish?user=ann`)
        await HEADING(tab, 'Runs').waitFor()
        await tab.getByRole('button', { name: /^Account and appearance/ }).click()
        await tab.getByRole('button', { name: 'Sign out', exact: true }).click()
        await tab.waitForURL((url) => url.href.startsWith(`${issuer}/session/end`))
        await tab.getByRole('button', { name: /Yes, sign me out/ }).click()
        await tab.getByText('You are signed out, here and at The company.').waitFor()
        await tab.getByRole('link', { name: 'Sign in with The company' }).click()
        await tab.waitForURL(/\/interaction\//)
      } finally {
        await context.close()
      }
    })
  })
  await page.context().close()
}
