/** Signing in and out. */
import { assert } from './kit.mjs'

export default async function (kit) {
  kit.expected.push(/status of (401|422)/)
  const page = await kit.open('jobs', { signedOut: true })

  await kit.check('a page of ours leads to the sign-in page first', async () => {
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await kit.picture(page, 'sign-in-light')
  })

  await kit.check('a wrong token is refused in words', async () => {
    await page.getByRole('button', { name: 'Sign in with a token' }).click()
    await page.getByLabel('Access token').fill('not-the-token')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('alert').waitFor()
  })

  await kit.check('the token signs in and leads back to the page that was asked for', async () => {
    await page.getByLabel('Access token').fill(kit.server.token)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
    assert(new URL(page.url()).pathname.endsWith('/jobs'), `landed on ${page.url()}`)
  })

  await kit.check('a foreign address is not where one is led after signing in', async () => {
    await kit.with('login?to=//example.com/x', async (other) => {
      await other.getByRole('button', { name: 'Sign in with a token' }).click()
      await other.getByLabel('Access token').fill(kit.server.token)
      await other.getByRole('button', { name: 'Sign in', exact: true }).click()
      await other.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
      assert(new URL(other.url()).host === new URL(kit.server.url).host, `landed on ${other.url()}`)
    }, { signedOut: true })
  })

  await kit.check('signing out leads to the sign-in page and the session is over', async () => {
    await page.getByRole('button', { name: /^Account and appearance/ }).click()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.goto(new URL('runs', kit.server.url).href)
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  await kit.check('a setup link and a plain form do without scripts: choose a password, sign out, sign in', async () => {
    const { body } = await kit.server.call('POST', 'admin/users', { name: 'nora', permissions: ['job:*'] })
    await kit.with(body.setup_path.slice(1), async (plain) => {
      const heading = (name) => plain.getByRole('heading', { name, exact: true }).waitFor()
      const submit = (name) => plain.getByRole('button', { name }).click()
      await heading('Choose your password')
      await kit.fits(plain)
      await kit.picture(plain, 'plain-setup-dark')
      await plain.getByLabel('New password', { exact: true }).fill('seven green bottles')
      await plain.getByLabel('New password, once more').fill('eight green bottles')
      await submit('Choose this password')
      await plain.getByRole('alert').getByText('not the same').waitFor()
      await plain.getByLabel('New password', { exact: true }).fill('seven green bottles')
      await plain.getByLabel('New password, once more').fill('seven green bottles')
      await submit('Choose this password')
      // The page itself needs scripts, and says where to go without them.
      await plain.getByRole('link', { name: 'Sign in or out without scripts' }).click()
      await heading('You are signed in')
      await plain.getByText('nora', { exact: true }).waitFor()
      await submit('Sign out')
      await heading('You are signed out')
      await plain.getByRole('link', { name: 'Sign in', exact: true }).click()
      await heading('Sign in')
      await kit.picture(plain, 'plain-sign-in-dark')
      await plain.getByLabel('User').fill('nora')
      await plain.getByLabel('Password').fill('wrong')
      await submit('Sign in')
      await plain.getByRole('alert').waitFor()
      assert(await plain.getByLabel('User').inputValue() === 'nora', 'the name is to be typed again')
      await plain.getByLabel('Password').fill('seven green bottles')
      await plain.getByLabel('Password').press('Enter')
      await plain.waitForURL((url) => url.pathname === '/')
      const me = await plain.context().request.get(new URL('auth/me', kit.server.url).href)
      assert((await me.json()).user === 'nora', 'nora is not signed in')
    }, { signedOut: true, javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 390, height: 844 } })
  })

  await kit.check('a page whose scripts never come leads to the plain form, in the language of the browser', async () => {
    kit.expected.push(/ERR_FAILED/)
    const broken = await kit.open(null, { signedOut: true, locale: 'fr-FR' })
    await broken.route('**/assets/**', (route) => route.abort())
    await broken.goto(new URL('jobs', kit.server.url).href)
    await broken.getByRole('link', { name: 'Se connecter sans scripts' }).click()
    await broken.getByRole('heading', { name: 'Connexion' }).waitFor()
    await kit.picture(broken, 'plain-sign-in-light-fr')
    await kit.fits(broken)
    // The checker is a script: it looks at the plain pages here, where scripts run.
    for (const colorScheme of ['light', 'dark']) {
      for (const path of ['auth/login', 'auth/setup?user=nora&code=x']) {
        await broken.emulateMedia({ colorScheme })
        await broken.goto(new URL(path, kit.server.url).href)
        await kit.accessible(broken)
      }
    }
    await kit.noViolations(broken)
    await broken.context().close()
  })

  await kit.check('Caps Lock is told, and after too many tries how long to wait, second by second', () => kit.with('login', async (tab) => {
    const password = tab.getByLabel('Password', { exact: true })
    const press = (on) => password.evaluate((field, modifierCapsLock) => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'A', bubbles: true, modifierCapsLock })), on)
    await press(true)
    await tab.getByText('Caps Lock is on.').waitFor()
    await press(false)
    await tab.getByText('Caps Lock is on.').waitFor({ state: 'detached' })
    kit.expected.push(/status of 429/)
    const wait = tab.getByText(/^Too many attempts\. Try again in \d+ s\.$/)
    for (let tries = 0; tries < 30 && await wait.count() === 0; tries += 1) {
      await tab.getByLabel('User').fill('mallory')
      await password.fill(`a guess ${tries}`)
      const [answer] = await Promise.all([tab.waitForResponse((each) => each.url().endsWith('auth/login')), tab.getByRole('button', { name: 'Sign in', exact: true }).click()])
      await (answer.status() === 429 ? wait : tab.getByText('The server did not accept that.')).waitFor()
    }
    await wait.waitFor()
    assert(await tab.getByRole('button', { name: 'Sign in', exact: true }).isDisabled(), 'one may try on')
    await kit.accessible(tab)
    await kit.picture(tab, 'sign-in-wait')
    const first = await wait.innerText()
    await wait.filter({ hasNotText: first }).waitFor()
  }, { signedOut: true }))
  await page.context().close()
}
