/** Every page as a picture, in both themes, wide and narrow: it fits, breaks no rule of the policy, and is accessible. */
import { live } from './kit.mjs'

const LOOKS = {
  light: {},
  dark: { colorScheme: 'dark' },
  'narrow-light': { viewport: { width: 390, height: 844 } },
  'narrow-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
  // Twice the size is half the room.
  zoomed: { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 },
  still: { reducedMotion: 'reduce' },
  forced: { forcedColors: 'active' },
}

export default async function (kit) {
  const { server } = kit
  // Parts of a server that are not built in answer 404; the page says so.
  kit.expected.push(/status of 404/, /status of 405/)
  for (const job of ['quick-check', 'nomajde-daily-sync', 'billing-nightly-rebuild', 'billing-nightly-rebuild']) {
    const run = await server.run(job)
    await server.reaches(run, 'SUCCEEDED', 'FAILED')
  }
  const { body } = await server.call('GET', 'admin/jobs/runs?job=billing-nightly-rebuild')
  const failed = body.runs[0].id
  const waiting = await server.run('waits-in-the-middle')
  const places = [
    ['login', 'sign-in', 'button[type="submit"]'],
    ['jobs', 'jobs', '[data-job]'],
    ['jobs/billing-nightly-rebuild', 'job', '[data-cell]'],
    ['jobs/billing-nightly-rebuild?tab=schedules', 'job-schedules', '[data-schedule]'],
    ['jobs/billing-nightly-rebuild?tab=definition', 'job-definition', 'pre'],
    ['jobs/billing-nightly-rebuild?tab=changes', 'job-changes', 'main h1'],
    ['runs', 'runs', '[data-run]'],
    [`runs/${failed}?step=1`, 'run', '.log-line:not([hidden])'],
    [`runs/${waiting}`, 'run-live', '.log-line:not([hidden])'],
    ['logs?q=rows', 'logs', '[data-hit]'],
    ...['jobs/new', 'jobs/quick-check/edit', 'schedule', 'plugins', 'connectors', 'alerts', 'health', 'settings'].map((path) => [path, path.replaceAll('/', '-'), 'main h1']),
  ]
  for (const [look, options] of Object.entries(LOOKS)) {
    const page = await kit.open(null, options)
    for (const [path, name, sign] of places) {
      await kit.check(`${name}, ${look}: shows, fits, is accessible and breaks no rule of the policy`, async () => {
        await page.goto(new URL(path, server.url).href)
        await page.locator(sign).first().waitFor()
        if (path !== 'login') await live(page)
        await page.evaluate(() => document.fonts.ready)
        // What is still being fetched says so; the page itself is looked at.
        await page.getByRole('status', { name: /^(Loading|Chargement)/ }).waitFor({ state: 'hidden' })
        await kit.fits(page)
        await kit.noViolations(page)
        await kit.picture(page, `${name}-${look}`)
        await kit.accessible(page)
      })
    }
    await kit.check(`the run dialog, ${look}: fits and is accessible`, async () => {
      await page.goto(new URL('jobs', server.url).href)
      await page.locator('[data-job="nomasx1-security-1"] [data-act="run"]').click()
      await page.getByRole('dialog').getByText('JDE_OBJECTS', { exact: true }).waitFor()
      await kit.fits(page)
      await kit.picture(page, `dialog-${look}`)
      await kit.accessible(page)
    })
    await page.context().close()
  }
  await server.call('POST', `admin/jobs/runs/${waiting}/cancel`, {})
}
