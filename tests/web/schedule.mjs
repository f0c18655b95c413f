/** The calendar: what ran, what is to come and what fell through, in every view. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startServer } from './home.mjs'
import { assert, live, until } from './kit.mjs'
import { openAs } from './people.mjs'

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A schedule that is due in the next minute, and when. */
function soon() {
  const due = new Date(Math.ceil((Date.now() + 8_000) / 60_000) * 60_000)
  return { due, cron: `${due.getUTCMinutes()} ${due.getUTCHours()} * * *` }
}

const job = (id, more, connector = 'ops') => `
[[jobs]]
id = "${id}"
${more}
[[jobs.steps]]
name = "ask"
type = "sql_query"
connector = "${connector}"
query = "select 1 as one"
`

export default async function (kit) {
  const { server } = kit
  const { due, cron } = soon()
  mkdirSync(join(server.home, 'plugins/calendar'))
  writeFileSync(join(server.home, 'plugins/calendar/jobs.toml'), [
    job('every-five', 'tags = ["often"]\nschedule = "*/5 * * * *"'),
    job('is-missed', `schedule = "${cron}"`),
    job('two-schedules', '[[jobs.schedules]]\nname = "north"\ncron = "0 4 * * *"\ntimezone = "Europe/Paris"\nparams = { tenant = "north" }\n[[jobs.schedules]]\nname = "south"\ncron = "0 4 * * *"\ntimezone = "Europe/Paris"'),
  ].join(''))
  const read = await server.call('POST', 'admin/reload', {})
  assert(read.status === 200, `reading the jobs answered ${read.status}`)
  // The job is due while nobody is there to run it.
  await server.stop()
  while (Date.now() < due.getTime() + 1_000) await pause(200)
  const again = await startServer(process.env.NOMAFLOW_BIN, server.home, server.listen)
  const ok = await again.run('quick-check')
  await again.reaches(ok, 'SUCCEEDED')
  const bad = await again.run('billing-nightly-rebuild')
  await again.reaches(bad, 'FAILED')
  const today = (await again.call('GET', 'admin/schedule')).body.now.slice(0, 10)
  const utc = (view, more = '') => `schedule?view=${view}&zone=UTC${more}`
  try {
    await checks()
  } finally {
    await again.stop()
  }

  async function checks() {
    await kit.check('the agenda has runs that lead to their pages, the line of the present, and what is to come', () => kit.with(utc('agenda'), async (page) => {
      const day = page.locator(`[data-day="${today}"]`)
      await day.locator('[data-kind="run"][data-of="quick-check"]').waitFor()
      assert((await day.innerText()).includes('FAILED'), 'the run that failed is not told so')
      await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor()
      await kit.picture(page, 'schedule-agenda-light')
      await kit.accessible(page)
      await day.locator('[data-kind="run"][data-of="quick-check"]').click()
      await page.waitForURL(new RegExp(`/runs/${ok}`))
      await page.goBack()
      await page.locator('[data-kind="run"]').first().waitFor()
    }))

    await kit.check('a fire that nobody was there for is drawn with its reason', () => kit.with(utc('agenda', '&state=lost'), async (page) => {
      const lost = page.locator('[data-kind="lost"][data-of="is-missed"]')
      await lost.waitFor()
      assert(await page.locator('[data-kind="run"], [data-kind="fire"]').count() === 0, 'other things are shown')
      await lost.click()
      const dialog = page.getByRole('dialog')
      const { body } = await again.call('GET', 'admin/jobs/is-missed/slots')
      const slot = body.slots.find((each) => each.outcome === 'missed')
      assert(slot, `the ledger has ${JSON.stringify(body.slots)}`)
      await dialog.getByText('missed', { exact: true }).waitFor()
      if (slot.reason) await dialog.getByText(slot.reason).waitFor()
      await kit.accessible(page)
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      await until(page, () => document.activeElement.dataset.of === 'is-missed')
    }))

    await kit.check('what fires every five minutes is one line and never hundreds of marks', () => kit.with(utc('week'), async (page) => {
      const line = page.locator('[data-line="every-five"]')
      await line.waitFor()
      const text = await line.innerText()
      assert(/every 5 min/.test(text) && /12\/h/.test(text), text)
      assert(await page.locator('[data-kind="fire"][data-of="every-five"]').count() === 0, 'its fires are drawn')
      await kit.picture(page, 'schedule-week-light')
    }))

    await kit.check('views and steps stand in the address; a reload and Back show the same', () => kit.with('schedule?zone=UTC&at=2027-03-10', async (page) => {
      await page.locator('[data-day="2027-03-08"]').waitFor()
      await page.getByRole('link', { name: 'Month', exact: true }).click()
      await page.waitForURL(/view=month/)
      await page.locator('[data-day="2027-03-31"]').waitFor()
      await page.getByRole('button', { name: 'Later', exact: true }).click()
      await page.waitForURL(/at=2027-04-01/)
      await page.reload()
      await page.locator('[data-day="2027-04-30"]').waitFor()
      await page.goBack()
      await page.waitForURL(/at=2027-03-10/)
      await page.getByRole('link', { name: 'Show Wed 10 Mar' }).click()
      await page.waitForURL(/view=day/)
    }))

    await kit.check('the month counts every fire of a day', () => kit.with(utc('month', '&at=2027-03-10&job=every-five'), async (page) => {
      await page.locator('[data-day="2027-03-10"]').getByText('288').waitFor()
      await kit.picture(page, 'schedule-month-light')
      await kit.accessible(page)
    }))

    await kit.check('the zone cuts the days, and a day of 23 hours says so', () => kit.with('schedule?view=day&at=2027-03-28&zone=Europe/Paris', async (page) => {
      await page.locator('[data-hours="23"]').waitFor()
      assert(await page.locator('[data-view="day"] > div:first-child > span').count() === 23, 'the grid has other hours')
      await page.getByLabel('Zone', { exact: true }).selectOption('UTC')
      await page.locator('[data-hours="23"]').waitFor({ state: 'detached' })
      await page.waitForURL(/zone=UTC/)
    }))

    await kit.check('tag, connector and job filter, and each clears', () => kit.with(utc('agenda', '&at=2027-03-10'), async (page) => {
      const jobs = () => page.locator('[data-kind="fire"]').evaluateAll((all) => [...new Set(all.map((each) => each.dataset.of))].sort().join())
      await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor()
      await page.getByLabel('Tag', { exact: true }).selectOption('billing')
      await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor({ state: 'detached' })
      assert(await jobs() === 'billing-nightly-rebuild', await jobs())
      await page.getByRole('button', { name: 'Clear the filters' }).click()
      await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor()
      await page.getByLabel('Connector', { exact: true }).selectOption('ops')
      await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor({ state: 'detached' })
      assert(await jobs() === 'billing-nightly-rebuild,is-missed,two-schedules', await jobs())
    }))

    await kit.check('what is switched off is a ghost, and only when it is asked for', () => kit.with(utc('week'), async (page) => {
      await page.locator('[data-line="every-five"]').waitFor()
      assert(await page.locator('[data-line="nomasx1-audit-trail-1"]').count() === 0, 'it is shown at once')
      await page.getByLabel('Show what is switched off').check()
      await page.locator('[data-line="nomasx1-audit-trail-1"][data-off]').waitFor()
      await page.waitForURL(/disabled=show/)
    }))

    await kit.check('where jobs meet is named, with the jobs', () => kit.with(utc('day', '&at=2027-03-10&job=two-schedules'), async (page) => {
      await until(page, () => document.querySelectorAll('[data-kind="fire"][data-of="two-schedules"]').length === 2)
      await page.goto(new URL(utc('day', '&at=2027-03-10&connector=ops'), again.url).href)
      await page.getByText('Pool of 5').waitFor()
      await page.getByRole('button', { name: /03:00 · 2 at once/ }).click()
      await page.getByRole('dialog').getByRole('link', { name: 'two-schedules' }).waitFor()
      await kit.accessible(page)
    }))

    await kit.check('a fire tells its schedule in words with its values, and is switched off there', () => kit.with(utc('day', '&at=2027-03-10&job=two-schedules'), async (page) => {
      await page.locator('[data-kind="fire"][data-of="two-schedules"]').first().click()
      const dialog = page.getByRole('dialog')
      await dialog.getByText('every day at 04:00').waitFor()
      await dialog.getByText('Europe/Paris', { exact: true }).waitFor()
      await dialog.getByText('"north"').waitFor()
      await dialog.getByRole('button', { name: 'Disable this schedule' }).click()
      await dialog.getByText('This schedule is switched off.').waitFor()
      const { body } = await again.call('GET', 'admin/jobs/two-schedules')
      assert(body.schedules.filter((each) => each.enabled).length === 1, 'the server has not switched it off')
      await page.keyboard.press('Escape')
      await until(page, () => document.querySelectorAll('[data-kind="fire"]').length === 1)
    }))

    await kit.check('a fire is skipped once and taken back, and another page hears of it at once', () => kit.with(utc('day', '&at=2027-03-10&job=nomajde-daily-sync'), async (page) => {
      const other = await kit.open(null)
      try {
        await other.goto(new URL('jobs/nomajde-daily-sync?tab=schedules', again.url).href)
        await live(other)
        await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().click()
        await page.getByRole('dialog').getByRole('button', { name: 'Skip this fire' }).click()
        const skipped = page.locator('[data-kind="lost"][data-of="nomajde-daily-sync"]')
        await skipped.waitFor()
        await other.locator('[data-skipped]').waitFor()
        const { body } = await again.call('GET', 'admin/jobs/nomajde-daily-sync/slots')
        assert(/^skipped once by user:/.test(body.slots[0].reason), JSON.stringify(body.slots[0]))
        await skipped.click()
        await kit.accessible(page)
        await page.getByRole('dialog').getByRole('button', { name: 'Fire it after all' }).click()
        await page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first().waitFor()
        await other.locator('[data-skipped]').waitFor({ state: 'detached' })
        // The next fire, from the page of the job.
        await other.getByRole('button', { name: 'skip once: default' }).click()
        await other.locator('[data-skipped]').waitFor()
        await kit.picture(other, 'job-schedules-skipped')
        await kit.accessible(other)
        await other.locator('[data-skipped]').getByRole('button', { name: 'take back' }).click()
        await other.locator('[data-skipped]').waitFor({ state: 'detached' })
      } finally {
        await other.context().close()
      }
    }))

    await kit.check('a maintenance window is drawn in the grid, is told on every page, and ends', () => kit.with(utc('week', '&at=2027-03-10'), async (page) => {
      const column = page.locator('[data-day="2027-03-10"] ol')
      await column.waitFor()
      const box = await column.boundingBox()
      await page.mouse.move(box.x + box.width - 4, box.y + (box.height * 20) / 24 + 2)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width - 4, box.y + (box.height * 22) / 24 - 2, { steps: 4 })
      await kit.picture(page, 'schedule-drawing')
      await page.mouse.up()
      const dialog = page.getByRole('dialog', { name: 'Maintenance window' })
      assert(await dialog.getByLabel('From').inputValue() === '2027-03-10T20:00', await dialog.getByLabel('From').inputValue())
      assert(await dialog.getByLabel('Until').inputValue() === '2027-03-10T22:00', await dialog.getByLabel('Until').inputValue())
      await kit.accessible(page)
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name: 'Maintenance window' }).click()
      await dialog.getByLabel('From').fill('')
      await dialog.getByLabel('Reason').fill('database upgrade')
      await kit.picture(page, 'schedule-maintenance-dialog')
      await dialog.getByRole('button', { name: 'Announce it' }).click()
      await dialog.waitFor({ state: 'detached' })
      const banner = page.getByRole('status').filter({ hasText: 'Maintenance: no schedule fires until' })
      await banner.waitFor()
      await kit.accessible(page)
      const { body } = await again.call('GET', 'admin/maintenance')
      assert(body.maintenance[0].state === 'active' && body.maintenance[0].reason === 'database upgrade', JSON.stringify(body))
      await page.goto(new URL(utc('day'), again.url).href)
      await page.locator('[data-day] [data-state="active"]').waitFor()
      await kit.picture(page, 'schedule-maintenance')
      await kit.fits(page)
      await page.locator('[data-day] [data-state="active"] button').click()
      await page.getByRole('dialog').getByRole('button', { name: 'End it now' }).click()
      await banner.waitFor({ state: 'detached' })
    }, { viewport: { width: 1280, height: 1800 } }))

    await kit.check('the address to subscribe to is read without signing in', () => kit.with(utc('week', '&at=2027-03-10'), async (page) => {
      await page.getByRole('button', { name: 'Subscribe' }).click()
      const dialog = page.getByRole('dialog', { name: 'Subscribe' })
      await dialog.getByRole('button', { name: 'Make an address' }).click()
      const address = await dialog.getByLabel('Address, shown this once').inputValue()
      await kit.accessible(page)
      await kit.picture(page, 'schedule-subscribe')
      const answer = await fetch(address)
      const text = await answer.text()
      assert(answer.status === 200 && text.startsWith('BEGIN:VCALENDAR') && text.includes('SUMMARY:nomajde-daily-sync'), `${answer.status} ${text.slice(0, 200)}`)
    }))

    await kit.check('a run that starts appears by itself', () => kit.with(utc('agenda', '&job=waits-at-the-gate'), async (page) => {
      await live(page)
      await page.getByText('Nothing fits the filters.').waitFor()
      const run = await again.run('waits-at-the-gate')
      await page.locator('[data-kind="run"] [data-status="RUNNING"]').waitFor()
      kit.letGo(run)
      await page.locator('[data-kind="run"] [data-status="SUCCEEDED"]').waitFor()
    }))

    await kit.check('keys change the view and go on', () => kit.with(utc('week', '&at=2027-03-10'), async (page) => {
      await page.locator('[data-day="2027-03-08"]').waitFor()
      await page.keyboard.press(']')
      await page.waitForURL(/at=2027-03-17/)
      await page.keyboard.press('d')
      await page.waitForURL(/view=day/)
      await page.keyboard.press('t')
      await page.locator(`[data-day="${today}"]`).waitFor()
    }))

    await kit.check('the fires on screen are saved as a calendar file', () => kit.with(utc('week', '&at=2027-03-10&job=nomajde-daily-sync'), async (page) => {
      const wait = page.waitForEvent('download')
      await page.getByRole('button', { name: 'Download as calendar' }).click()
      assert((await wait).suggestedFilename() === 'nomaflow.ics', 'it has another name')
    }))

    await kit.check('a person who may see one job sees only that one', async () => {
      const page = await openAs(kit, again, ['job:nomajde-daily-sync'])
      try {
        await page.goto(new URL(utc('week', '&at=2027-03-10'), again.url).href)
        await page.locator('[data-kind="fire"]').first().waitFor()
        const seen = await page.locator('[data-of], [data-line]').evaluateAll((all) => [...new Set(all.map((each) => each.dataset.of ?? each.dataset.line))].join())
        assert(seen === 'nomajde-daily-sync', seen)
        await page.locator('[data-kind="fire"]').first().click()
        await page.getByRole('dialog').getByRole('link', { name: 'Open the job' }).waitFor()
        assert(await page.getByRole('button', { name: 'Disable this schedule' }).count() === 0, 'a change is offered')
      } finally {
        await page.context().close()
      }
    })

    for (const [look, options] of Object.entries({ dark: { colorScheme: 'dark' }, 'narrow-light': { viewport: { width: 390, height: 844 } }, 'narrow-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }, zoomed: { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 } })) {
      await kit.check(`every view, ${look}: fits and is accessible`, () => kit.with(null, async (page) => {
        for (const view of ['agenda', 'day', 'week', 'month']) {
          await page.goto(new URL(utc(view, '&disabled=show'), again.url).href)
          await page.locator('[data-day]').first().waitFor()
          await page.evaluate(() => document.fonts.ready)
          await kit.picture(page, `schedule-${view}-${look}`)
          await kit.fits(page)
          await kit.accessible(page)
        }
      }, options))
    }
  }
}
