/**
 * Drives the operator page in a real browser against a running server and prints one line per check.
 * Environment: NOMAFLOW_URL, NOMAFLOW_TOKEN, NOMAFLOW_JOB (a job that may be run, and that ends by itself with success),
 * NOMAFLOW_SHOTS (folder for pictures, optional), CHROMIUM (browser, default /usr/bin/chromium).
 * Needs `npm ci` in `web`. Changes nothing but the runs of that one job.
 */
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core')

const need = (name) => {
  const value = process.env[name]
  if (!value) {
    console.error(`the variable ${name} is not set`)
    process.exit(2)
  }
  return value
}
const url = need('NOMAFLOW_URL').replace(/\/?$/, '/')
const token = need('NOMAFLOW_TOKEN')
const job = need('NOMAFLOW_JOB')
const shots = process.env.NOMAFLOW_SHOTS
if (shots) mkdirSync(shots, { recursive: true })

const LIMIT = 60_000
let failures = 0

/** Runs one check; a later check runs even when an earlier one failed, as far as it can. */
async function check(name, body) {
  try {
    await body()
    console.log(`ok ${name}`)
  } catch (error) {
    failures += 1
    console.log(`not ok ${name}: ${String(error.message).split('\n').slice(0, 2).join(' ')}`)
  }
}

function assert(condition, why) {
  if (!condition) throw new Error(why)
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

const complaints = []
let expected401 = 0

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', ...options })
  context.setDefaultTimeout(15_000)
  // Reports of the content security policy come as events of the document; they are kept for the test to read.
  await context.addInitScript(() => {
    globalThis.cspViolations = []
    document.addEventListener('securitypolicyviolation', (event) => globalThis.cspViolations.push(`${event.violatedDirective} ${event.blockedURI}`))
  })
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return
    // The browser itself reports the answers that say "nobody is signed in": they are part of signing in.
    if (expected401 > 0 && /status of 401/.test(message.text())) return
    complaints.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`))
  return page
}

async function assertNoViolations(page) {
  const violations = await page.evaluate(() => globalThis.cspViolations)
  assert(violations.length === 0, `content security policy: ${violations.join(', ')}`)
}

async function assertFits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  assert(over <= 0, `the page is ${over} px wider than the screen`)
}

async function signIn(page) {
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

async function picture(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`) })
}

const card = (page) => page.locator(`[data-job="${job}"]`)
const runStatus = (page) => page.locator('header [data-status]').first()

const page = await open()
let runPath = ''

expected401 += 1
await check('a page of ours leads to the sign-in page first', async () => {
  await page.goto(`${url}jobs`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await picture(page, 'sign-in-light')
})

await check('a wrong token is refused in words', async () => {
  await page.getByLabel('Access token').fill('not-the-token')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
})

await check('the token signs in and leads back to the page that was asked for', async () => {
  await signIn(page)
  await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor()
  assert(new URL(page.url()).pathname.endsWith('/jobs'), `landed on ${page.url()}`)
})
expected401 -= 1

await check('the job is listed with its steps and actions', async () => {
  await card(page).waitFor()
  await card(page).getByRole('link', { name: job, exact: true }).waitFor()
  assert(/\d+ steps?/.test(await card(page).innerText()), 'the card does not say how many steps')
  await card(page).getByRole('button', { name: `Run now: ${job}` }).waitFor()
})

await check('the page is live', () => page.locator('[data-live="live"]').waitFor())

await check('the filter finds the job and nothing else by its whole name, and lives in the address', async () => {
  await page.keyboard.press('/')
  await page.keyboard.type(job)
  await page.waitForFunction((id) => document.querySelectorAll('[data-job]').length >= 1 && [...document.querySelectorAll('[data-job]')].every((each) => each.textContent.includes(id)), job)
  assert(new URL(page.url()).searchParams.get('q') === job, 'the filter is not in the address')
  await page.getByLabel('Filter jobs').fill('')
})

await check('Run starts a run and its page shows it', async () => {
  await card(page).getByRole('button', { name: `Run now: ${job}` }).click()
  const dialog = page.getByRole('dialog')
  const followed = card(page).locator('a[href*="/runs/"]').first()
  await Promise.race([dialog.waitFor(), page.locator(`[data-job="${job}"] [role="status"], [data-job="${job}"] [data-status="RUNNING"], [data-job="${job}"] [data-status="QUEUED"]`).first().waitFor()])
  if (await dialog.isVisible()) {
    await picture(page, 'dialog-light')
    await dialog.getByText('Nothing: runs as saved.').waitFor()
    await dialog.getByRole('button', { name: 'Run', exact: true }).click()
  } else {
    await followed.click()
  }
  await page.waitForURL(/\/runs\/[^/?]+/)
  runPath = new URL(page.url()).pathname
  await runStatus(page).waitFor()
  await page.evaluate(() => { globalThis.neverReloaded = true })
})

await check('log lines arrive', async () => {
  await page.waitForFunction(() => [...document.querySelectorAll('.log-line:not([hidden]) .log-text')].some((each) => each.textContent && each.textContent !== '…'), null, { timeout: LIMIT })
})
await page.locator('[data-step]:is([data-status="RUNNING"], [data-status="SUCCEEDED"])').first().waitFor().catch(() => {})
await picture(page, 'run-live-light')

await check('every step turns to SUCCEEDED without a reload', async () => {
  await page.waitForFunction(() => {
    const steps = [...document.querySelectorAll('[data-step]')]
    return steps.length > 0 && steps.every((each) => ['SUCCEEDED', 'SKIPPED'].includes(each.dataset.status))
  }, null, { timeout: LIMIT })
  await page.locator('header [data-status="SUCCEEDED"]').first().waitFor({ timeout: LIMIT })
  assert(await page.evaluate(() => globalThis.neverReloaded === true), 'the page was reloaded')
})

await check('the log is whole: as many lines as the server has, each with its own number', async () => {
  const total = await page.evaluate(async (path) => {
    const id = path.split('/').at(-1)
    const response = await fetch(new URL(`admin/jobs/runs/${id}/logs?from=0&limit=1`, document.baseURI))
    return (await response.json()).total
  }, runPath)
  assert(total > 0, 'the server has no line')
  await page.getByText(`${total.toLocaleString('en')} ${total === 1 ? 'line' : 'lines'}`, { exact: true }).waitFor()
  const numbers = await page.locator('.log-line:not([hidden]) .log-number').allInnerTexts()
  assert(new Set(numbers).size === numbers.length, `numbers repeat: ${numbers.join(' ')}`)
})

await check('a step opens with its input and output and is in the address', async () => {
  await page.locator('[data-step]').first().click()
  await page.getByText('Input', { exact: true }).waitFor()
  assert(new URL(page.url()).searchParams.has('step'), 'the step is not in the address')
})

await check('a reload shows the same run, step and log', async () => {
  await page.reload()
  await page.locator('header [data-status="SUCCEEDED"]').first().waitFor()
  await page.getByText('Input', { exact: true }).waitFor()
  await page.locator('.log-line:not([hidden]) .log-text').first().waitFor()
})

await check('the run list shows the run', async () => {
  await page.getByRole('navigation').getByRole('link', { name: 'Runs' }).click()
  await page.locator(`[data-run="${runPath.split('/').at(-1)}"]`).waitFor()
  await page.getByLabel('State').selectOption('FAILED')
  await page.waitForFunction((id) => !document.querySelector(`[data-run="${id}"]`), runPath.split('/').at(-1))
  await page.goBack()
  await page.locator(`[data-run="${runPath.split('/').at(-1)}"]`).waitFor()
})

await check('what changes in one tab shows in another by itself', async () => {
  const other = await page.context().newPage()
  await page.goto(`${url}jobs`)
  await card(page).waitFor()
  await page.locator('[data-live="live"]').waitFor()
  const before = await card(page).locator('a[href*="/runs/"]').first().getAttribute('href')
  await other.goto(`${url}jobs`)
  await other.evaluate((id) => fetch(new URL(`admin/jobs/${id}/run`, document.baseURI), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }), job)
  await page.waitForFunction(([id, old]) => {
    const link = document.querySelector(`[data-job="${id}"] a[href*="/runs/"]`)
    return link && link.getAttribute('href') !== old
  }, [job, before], { timeout: LIMIT })
  await page.locator(`[data-job="${job}"] [data-status="SUCCEEDED"]`).waitFor({ timeout: LIMIT })
  await other.close()
})

const places = [['jobs', 'jobs'], [`jobs/${encodeURIComponent(job)}`, 'job'], ['runs', 'runs'], [runPath.slice(new URL(url).pathname.length), 'run']]
const state = await page.context().storageState()
for (const [look, options] of Object.entries({
  light: {},
  dark: { colorScheme: 'dark' },
  'narrow-light': { viewport: { width: 390, height: 844 } },
  'narrow-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
})) {
  const tab = await open({ ...options, storageState: state })
  for (const [path, name] of places) {
    await check(`${name} page, ${look}: shows, fits, breaks no rule of the policy`, async () => {
      await tab.goto(`${url}${path}`)
      await tab.locator('[data-status]').first().waitFor()
      await tab.locator('[data-live="live"]').waitFor()
      await tab.evaluate(() => document.fonts.ready)
      await assertFits(tab)
      await assertNoViolations(tab)
      await picture(tab, `${name}-${look}`)
    })
  }
  await tab.context().close()
}

await check('signing out leads to the sign-in page and the session is over', async () => {
  expected401 += 1
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await page.goto(`${url}runs`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

await check('no error on the console and no rule of the policy broken', async () => {
  await assertNoViolations(page)
  assert(complaints.length === 0, complaints.slice(0, 5).join(' | '))
})

await browser.close()
process.exit(failures === 0 ? 0 : 1)
