/**
 * What every browser test uses: the browser, pages that collect complaints, checks that print one line each, pictures,
 * and the accessibility checker. A test file exports `default async (kit) => …` and may stop at nothing: a later check
 * runs even when an earlier one failed.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { letGo } from './home.mjs'

const requireWeb = createRequire(new URL('../../web/package.json', import.meta.url))
const { chromium } = requireWeb('playwright-core')
const axeSource = readFileSync(requireWeb.resolve('axe-core/axe.min.js'), 'utf8')

export const LIMIT = 60_000
/** A name of this machine that browsers do not take for a secure context. */
export const LAN = 'lan.test'
const STEP_MS = 20_000

export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--enable-precise-memory-info',
      // No page of ours needs any other machine.
      `--host-resolver-rules=MAP ${LAN} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`],
  })

export class Kit {
  passed = 0
  failed = 0
  complaints = []
  /** Requests whose refusal is no mistake: those of a test, and those for parts a server may be built without. The browser
   * itself reports them on its console. */
  expected = [/status of 404.*(auth\/providers|logs\/(counts|search)|admin\/(connectors|plugins|jobs\/retention))/]

  /** The browser may be used for other files later; `say` takes the lines. */
  constructor(browser, server, shots, say = console.log) {
    this.browser = browser
    this.server = server
    this.shots = shots
    this.say = say
    this.contexts = new Set()
    if (shots) mkdirSync(shots, { recursive: true })
  }

  async check(name, body) {
    try {
      await body()
      this.passed += 1
      this.say(`ok ${name}`)
    } catch (error) {
      this.failed += 1
      this.say(`not ok ${name}: ${String(error.stack ?? error).split('\n').slice(0, 4).join(' | ')}`)
    }
  }

  /** A page of a signed-in person, unless `signedOut`. */
  async open(path = '', { signedOut = false, cookies, ...options } = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options })
    context.setDefaultTimeout(STEP_MS)
    this.contexts.add(context)
    context.once('close', () => this.contexts.delete(context))
    // Reports of the content security policy come as events of the document; they are kept for the test to read.
    await context.addInitScript(() => {
      globalThis.cspViolations = []
      document.addEventListener('securitypolicyviolation', (event) => globalThis.cspViolations.push(`${event.violatedDirective} ${event.blockedURI}`))
    })
    if (!signedOut) {
      const answer = await context.request.post(new URL('auth/login', this.server.url).href, { data: { token: this.server.token } })
      assert(answer.ok(), `signing in answered ${answer.status()}`)
    }
    const page = await context.newPage()
    page.on('console', (message) => {
      if (message.type() !== 'error' && message.type() !== 'warning') return
      const text = `${message.text()} ${message.location().url}`
      if (this.expected.some((pattern) => pattern.test(text))) return
      this.complaints.push(`${message.type()}: ${text}`)
    })
    page.on('pageerror', (error) => this.complaints.push(`exception: ${error.message}`))
    if (path !== null) await page.goto(new URL(path, this.server.url).href)
    return page
  }

  /** Opens pages, runs the body, and closes them whatever happens. */
  async with(path, body, options) {
    const page = await this.open(path, options)
    try {
      await body(page)
      await this.noViolations(page)
    } finally {
      await page.context().close()
    }
  }

  /** Closes what tests have left open. */
  async close() {
    await Promise.all([...this.contexts].map((context) => context.close()))
  }

  letGo(run) {
    letGo(this.server.home, run)
  }

  async picture(page, name) {
    if (this.shots) await page.screenshot({ path: join(this.shots, `${name}.png`) })
  }

  async noViolations(page) {
    const violations = await page.evaluate(() => globalThis.cspViolations ?? [])
    assert(violations.length === 0, `content security policy: ${violations.join(', ')}`)
  }

  async fits(page) {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    assert(over <= 0, `the page is ${over} px wider than the screen`)
  }

  /** Runs the accessibility checker in a world of its own: the page's policy would not let it in, and must not be loosened. */
  async accessible(page) {
    const session = await page.context().newCDPSession(page)
    const { frameTree } = await session.send('Page.getFrameTree')
    const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' })
    const run = (expression, awaitPromise = false) => session.send('Runtime.evaluate', { expression, contextId: executionContextId, awaitPromise, returnByValue: true })
    await run(axeSource)
    const answer = await run(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((found) => found.violations.map((each) => each.id + ': ' + each.nodes.slice(0, 3).map((node) => node.target.join(' ') + ' ' + (node.any[0]?.message ?? '')).join('; ')))`, true)
    assert(!answer.exceptionDetails, `the checker failed: ${answer.exceptionDetails?.exception?.description}`)
    const violations = answer.result.value
    await session.detach()
    assert(violations.length === 0, violations.join(' | '))
  }
}

export function assert(condition, why) {
  if (!condition) throw new Error(why)
}

export async function live(page) {
  await page.locator('[data-live="live"]').waitFor()
}

export const card = (page, job) => page.locator(`[data-job="${job}"]`)

/** Waits until a function of the page answers true. */
export const until = (page, body, argument, timeout = LIMIT) => page.waitForFunction(body, argument, { timeout })
