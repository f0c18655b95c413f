/** Signing in and out. */
import { assert } from './kit.mjs'

export default async function (kit) {
  kit.expected.push(/status of 401/)
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
  await page.context().close()
}
