/** What a card of the catalogue says and lets one do: warnings with their way out, the small history, switches, fires; and who sees it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assert, card, LIMIT, live, until } from './kit.mjs'
import { openAs } from './people.mjs'

const FAULTY = `
[[jobs]]
id = "no-such-connector"
[[jobs.steps]]
name = "read"
type = "sql_query"
connector = "jdedwards"
query = "select 1"

[[jobs]]
id = "no-such-plugin"
[[jobs.steps]]
name = "call"
type = "wasm"
callable = "nowhere:go"
`

const sql = (id, query) => ({ app: 'shop', text: `[[jobs]]\nid = "${id}"\n[[jobs.steps]]\nname = "ask"\ntype = "sql_query"\nconnector = "ops"\nquery = """${query}"""\n` })
const COPY = { app: 'shop', text: '[[jobs]]\nid = "moves-nothing"\n[[jobs.steps]]\nname = "copy"\ntype = "sql_copy"\nmode = "append"\n[jobs.steps.source]\nconnector = "ops"\ntable = "empty_one"\n[jobs.steps.target]\nconnector = "ops"\ntable = "empty_two"\n' }
const TICKS = { app: 'shop', text: '[[jobs]]\nid = "ticks"\nschedule = "* * * * * *"\n[[jobs.steps]]\nname = "GATE"\ntype = "python"\ncallable = "shop.work:gate"\n' }

const ids = (page) => page.locator('[data-job]').evaluateAll((all) => all.map((each) => each.dataset.job))

export default async function (kit) {
  const { server } = kit
  const make = async (job) => {
    const { status, body } = await server.call('POST', 'admin/jobs', job)
    assert(status < 300, JSON.stringify(body))
  }
  const once = async (job) => {
    const run = await server.run(job)
    await server.reaches(run, 'SUCCEEDED')
    return run
  }

  await kit.check('a connector and a plugin that are not there are named on the card, with the way to mend it', async () => {
    const folder = join(server.home, 'plugins/faulty')
    mkdirSync(folder)
    writeFileSync(join(folder, 'jobs.toml'), FAULTY)
    await kit.with('jobs', async (page) => {
      await card(page, 'quick-check').waitFor()
      await page.getByRole('button', { name: 'Reload', exact: true }).click()
      await page.getByText(/\d+ rejected: .*(jdedwards|nowhere)/).waitFor()
      await card(page, 'no-such-connector').getByText(/unknown connector `jdedwards`/).waitFor()
      await card(page, 'no-such-plugin').getByText(/nowhere/).first().waitFor()
      await card(page, 'no-such-plugin').getByRole('link', { name: 'plugins' }).waitFor()
      await kit.accessible(page)
      await kit.picture(page, 'cards-faulty-light')
      await card(page, 'no-such-connector').getByRole('link', { name: 'connectors' }).click()
      await page.waitForURL(/\/connectors$/)
    })
    rmSync(folder, { recursive: true })
    assert((await server.call('POST', 'admin/reload')).status === 200, 'the files cannot be read again')
  })

  await kit.check('a last run that moved 0 rows says so and leads to it', async () => {
    await make(sql('makes-empty', 'create table if not exists empty_one (id integer); create table if not exists empty_two (id integer)'))
    await once('makes-empty')
    await make(COPY)
    const run = await once('moves-nothing')
    await kit.with('jobs', async (page) => {
      await card(page, 'moves-nothing').getByText('The last run moved 0 rows.').waitFor()
      await card(page, 'moves-nothing').getByRole('link', { name: 'open the run' }).click()
      await page.waitForURL((url) => url.pathname.endsWith(run))
    })
  })

  await kit.check('the warning of a job that will not fire enables it', () => kit.with('jobs', async (page) => {
    await card(page, 'nomasx1-audit-trail-1').getByRole('button', { name: 'enable nomasx1-audit-trail-1' }).click()
    await card(page, 'nomasx1-audit-trail-1').getByText('it will not fire').waitFor({ state: 'detached' })
    const { body } = await server.call('GET', 'admin/jobs/nomasx1-audit-trail-1')
    assert(body.enabled === true, 'the server has it disabled')
    await server.call('PATCH', 'admin/jobs/nomasx1-audit-trail-1', { enabled: false })
  }))

  await kit.check('the small history tells the last runs in words, and a bar opens its run', async () => {
    const run = await once('quick-check')
    await kit.with('jobs', async (page) => {
      await card(page, 'quick-check').getByRole('img', { name: /^Last \d+ runs? of quick-check: \d+ succeeded, 0 failed$/ }).waitFor()
      await card(page, 'quick-check').locator(`[data-run="${run}"]`).first().click()
      await page.waitForURL((url) => url.pathname.endsWith(run))
    })
  })

  await kit.check('two who switch at once: one wins, the other is told, and the switch waits for the server', async () => {
    const one = await kit.open('jobs')
    const two = await kit.open('jobs')
    try {
      kit.expected.push(/status of 4(09|12)/)
      const toggle = (page) => card(page, 'waits-at-the-gate').getByRole('switch')
      await toggle(one).waitFor()
      await toggle(two).waitFor()
      let release
      const held = new Promise((resolve) => { release = resolve })
      const sent = new Promise((resolve) => {
        void one.route('**/admin/jobs/waits-at-the-gate', async (route) => {
          if (route.request().method() === 'PATCH') {
            resolve()
            await held
          }
          await route.continue()
        }).then(() => toggle(one).click())
      })
      await sent
      await until(one, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-busy') === 'true')
      assert(await toggle(one).getAttribute('aria-checked') === 'true', 'it turned before the server said so')
      // The save of the one is on its way, over the revision it has read; the other's arrives first.
      await toggle(two).click()
      await until(two, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-checked') === 'false')
      release()
      await card(one, 'waits-at-the-gate').getByRole('alert').waitFor()
      assert((await server.call('GET', 'admin/jobs/waits-at-the-gate')).body.enabled === false, 'there is no winner')
      await server.call('PATCH', 'admin/jobs/waits-at-the-gate', { enabled: true })
    } finally {
      await one.context().close()
      await two.context().close()
    }
  })

  await kit.check('a fire of a schedule that nobody clicked shows on every open tab', async () => {
    const first = await kit.open('jobs')
    const second = await kit.open('runs')
    try {
      await live(first)
      await live(second)
      await make(TICKS)
      await card(first, 'ticks').locator('[data-status="RUNNING"]').waitFor({ timeout: LIMIT })
      await first.locator('[data-flight="ticks"]').getByRole('button', { name: 'Cancel the run of ticks' }).waitFor()
      const { body } = await server.call('GET', 'admin/jobs')
      const run = body.jobs.find((job) => job.id === 'ticks').active_run_id
      await second.locator(`[data-run="${run}"] [data-status="RUNNING"]`).waitFor()
      assert((await server.call('GET', `admin/jobs/runs/${run}`)).body.run.triggered_by.startsWith('cron'), 'somebody else began it')
      // Fires that met the run are one row of the list, which unfolds.
      const folded = second.locator('tr[data-skipped]')
      await folded.getByText(/\d+ skipped: /).waitFor({ timeout: LIMIT })
      assert((await server.call('PATCH', 'admin/jobs/ticks', { enabled: false })).status === 200, 'it cannot be stopped')
      await folded.getByRole('button', { name: 'Show them' }).click()
      await second.locator('[data-run] [data-status="SKIPPED"]').nth(2).waitFor()
      await kit.picture(second, 'runs-skipped-light')
      await card(first, 'ticks').getByText('it will not fire').waitFor()
      await card(first, 'ticks').locator('[data-status="RUNNING"]').waitFor()
      kit.letGo(run)
      await card(first, 'ticks').locator('[data-status="SUCCEEDED"]').waitFor({ timeout: LIMIT })
    } finally {
      await first.context().close()
      await second.context().close()
    }
  })

  await kit.check('what happens meanwhile closes no menu and takes no focus', () => kit.with('jobs', async (page) => {
    await live(page)
    const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent)
    await card(page, 'waits-at-the-gate').getByRole('button', { name: 'More about waits-at-the-gate' }).click()
    await page.getByRole('menuitem', { name: 'Run with parameters…' }).waitFor()
    assert(await focused() === 'Run with parameters…', await focused())
    const run = await server.run('waits-at-the-gate')
    await card(page, 'waits-at-the-gate').locator('[data-status="RUNNING"]').waitFor()
    await page.getByRole('menuitem', { name: 'Run with parameters…', disabled: true }).waitFor()
    assert((await focused()).startsWith('Run with parameters…'), `the focus went to ${await focused()}`)
    kit.letGo(run)
    await card(page, 'waits-at-the-gate').locator('[data-status="SUCCEEDED"]').waitFor()
    await page.keyboard.press('Escape')
    // By the keyboard alone: what was pressed keeps the focus while it waits and while the run goes on.
    await page.getByRole('button', { name: 'Run now: waits-at-the-gate' }).focus()
    await page.keyboard.press('Enter')
    await card(page, 'waits-at-the-gate').locator('[data-status="RUNNING"]').waitFor()
    assert(await focused() === 'Busy: waits-at-the-gate', `the focus went to ${await focused()}`)
    const { body } = await server.call('GET', 'admin/jobs')
    kit.letGo(body.jobs.find((job) => job.id === 'waits-at-the-gate').active_run_id)
    await card(page, 'waits-at-the-gate').locator('[data-status="SUCCEEDED"]').waitFor()
    await card(page, 'waits-at-the-gate').getByRole('switch').focus()
    await page.keyboard.press('Space')
    await until(page, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-checked') === 'false')
    assert(await focused() === 'waits-at-the-gate enabled', `the focus went to ${await focused()}`)
    await page.keyboard.press('Space')
    await until(page, () => document.querySelector('[data-job="waits-at-the-gate"] [role="switch"]').getAttribute('aria-checked') === 'true')
  }))

  await kit.check('jobs of the server itself carry a chip, are not counted, and can be hidden', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    const { body } = await server.call('GET', 'admin/jobs')
    const own = body.jobs.filter((job) => job.id.startsWith('_'))
    assert(own.length > 0, 'the server has no job of its own')
    await card(page, own[0].id).getByText('internal', { exact: true }).waitFor()
    await page.getByRole('status').filter({ hasText: `${body.jobs.length - own.length} jobs` }).waitFor()
    await page.getByRole('combobox', { name: 'Internal' }).selectOption('no')
    await card(page, own[0].id).waitFor({ state: 'detached' })
    assert(!(await ids(page)).some((id) => id.startsWith('_')), 'one is still there')
  }))

  await kit.check('typed facets, groups that fold, and choices that follow the person', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByLabel('Filter jobs').fill('tag:hourly state:succeeded enabled:yes family:shop')
    await until(page, () => [...document.querySelectorAll('[data-job]')].map((each) => each.dataset.job).join() === 'quick-check')
    await page.getByLabel('Filter jobs').fill('')
    await page.getByRole('combobox', { name: 'Group by' }).selectOption('state')
    const group = page.locator('details', { has: page.locator('summary', { hasText: 'SUCCEEDED' }) })
    await group.locator('summary [data-status="SUCCEEDED"]').waitFor()
    await group.locator('summary').click()
    await card(page, 'quick-check').waitFor({ state: 'hidden' })
    await kit.picture(page, 'cards-groups-light')
  }))

  await kit.check('several jobs are tagged, then disabled at once', () => kit.with('jobs?q=waits', async (page) => {
    await card(page, 'waits-in-the-middle').waitFor()
    await page.getByRole('button', { name: 'Select', exact: true }).click()
    await page.getByRole('button', { name: 'Select all shown' }).click()
    const done = async (name, prepare = () => {}) => {
      await page.getByRole('toolbar').getByRole('button', { name: name === 'Add a tag' ? 'Add a tag…' : name, exact: true }).click()
      const dialog = page.getByRole('dialog')
      await prepare(dialog)
      await dialog.getByRole('button', { name, exact: true }).click()
      await until(page, () => document.querySelectorAll('dialog li').length === 2 && [...document.querySelectorAll('dialog li')].every((each) => each.textContent.includes('done')))
      await dialog.getByRole('button', { name: 'Close' }).click()
    }
    await done('Add a tag', (dialog) => dialog.getByLabel('Tag').fill('freeze'))
    await done('Disable')
    for (const id of ['waits-at-the-gate', 'waits-in-the-middle']) {
      const { body } = await server.call('GET', `admin/jobs/${id}`)
      assert(body.enabled === false && body.tags.includes('freeze'), JSON.stringify([body.enabled, body.tags]))
    }
  }))

  await kit.check('on a phone a job is run, watched and canceled', () => kit.with('jobs', async (page) => {
    await live(page)
    await card(page, 'waits-at-the-gate').getByRole('button', { name: 'Run now: waits-at-the-gate' }).click()
    await card(page, 'waits-at-the-gate').getByRole('link', { name: 'Last run of waits-at-the-gate: RUNNING' }).click()
    await page.locator('[data-step="GATE"][data-status="RUNNING"]').waitFor()
    await page.getByText('waiting at the gate').first().waitFor()
    await kit.fits(page)
    await page.locator('header [data-act="cancel"]').click()
    await page.locator('header [data-status="CANCELED"]').waitFor()
    await kit.picture(page, 'run-canceled-narrow')
  }, { viewport: { width: 390, height: 844 }, hasTouch: true }))

  await kit.check('who may run one job sees that job, and no way to change it', async () => {
    const other = await once('nomajde-daily-sync')
    const page = await openAs(kit, server, ['job:quick-check'])
    try {
      kit.expected.push(/status of 40[34]/)
      await page.goto(new URL('jobs', server.url).href)
      await card(page, 'quick-check').getByRole('button', { name: 'Run now: quick-check' }).waitFor()
      assert((await ids(page)).join() === 'quick-check', (await ids(page)).join())
      assert(await page.getByRole('link', { name: /^(New job|Edit)/ }).count() === 0, 'a change is offered')
      assert(await card(page, 'quick-check').getByRole('switch').isDisabled(), 'the switch can be turned')
      await page.goto(new URL('runs', server.url).href)
      await page.locator('[data-run]').first().waitFor()
      assert((await page.locator('[data-run]').evaluateAll((rows) => rows.map((row) => row.querySelector('[data-column="job"]').textContent))).every((job) => job === 'quick-check'), 'runs of others are shown')
      await page.goto(new URL(`runs/${other}`, server.url).href)
      await page.getByText(/There is no such run|job:nomajde-daily-sync/).first().waitFor()
      await page.goto(new URL('jobs/quick-check/edit', server.url).href)
      await page.getByText(/settings:jobs/).waitFor()
    } finally {
      await page.context().close()
    }
  })
}
