/** What holds on every page: palette, shortcuts, zone, language, theme, live state. */
import { assert, card, live, until } from './kit.mjs'

export default async function (kit) {
  await kit.check('Ctrl K finds a job before a page, Enter opens it, Escape closes and gives the focus back', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByLabel('Filter jobs').focus()
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    assert(await page.evaluate(() => document.activeElement.getAttribute('aria-label')) === 'Filter jobs', 'the focus did not come back')
    await page.keyboard.press('Control+k')
    await page.keyboard.type('quick')
    const first = page.getByRole('dialog').getByRole('option').first()
    await first.filter({ hasText: 'quick-check' }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/jobs\/quick-check$/)
  }))

  await kit.check('Alt Enter in the palette runs the job and leads to its run', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.type('quick-check')
    await page.getByRole('dialog').getByRole('option').first().filter({ hasText: 'quick-check' }).waitFor()
    await page.keyboard.press('Alt+Enter')
    await page.waitForURL(/\/runs\/[^/?]+/)
    await page.locator('header [data-status="SUCCEEDED"]').waitFor()
  }))

  await kit.check('g then r goes to the runs, ? shows the sheet, and neither works while one types', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByLabel('Filter jobs').focus()
    await page.keyboard.type('gr?')
    assert(await page.getByLabel('Filter jobs').inputValue() === 'gr?', 'a shortcut took a typed letter')
    await page.getByLabel('Filter jobs').fill('')
    await page.getByLabel('Filter jobs').blur()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.waitForURL(/\/runs$/)
  }))

  await kit.check('single-key shortcuts can be switched off', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    await page.getByRole('button', { name: /^Account and appearance/ }).click()
    await page.getByRole('switch', { name: 'Single-key shortcuts' }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    assert(new URL(page.url()).pathname.endsWith('/jobs') && await page.getByRole('dialog').count() === 0, 'a shortcut still worked')
  }))

  await kit.check('times are shown local, in UTC or in the zone of the job, and hovering shows the others', async () => {
    const run = await kit.server.run('nomajde-daily-sync')
    await kit.server.reaches(run, 'SUCCEEDED')
    await kit.with(`runs/${run}`, async (page) => {
      const started = page.locator('dl time').first()
      const local = await started.innerText()
      assert(/\(local\)[\s\S]*\(UTC\)/.test(await started.getAttribute('title')), 'the other zones are not in the tooltip')
      await page.getByLabel('Times').selectOption('utc')
      await until(page, ([before]) => document.querySelector('dl time').textContent !== before, [local])
      const at = new Date(await started.getAttribute('datetime'))
      assert((await started.innerText()).includes(at.toISOString().slice(11, 19)), 'the time is not in UTC')
    })
  })

  for (const [name, options, own, asked] of [['light', {}, '(local)', 'Started'], ['dark', { colorScheme: 'dark', locale: 'fr-FR' }, '(locale)', 'Début']]) {
    await kit.check(`an instant shows its other zones when it has the focus, until Escape or the next thing has it: ${name}`, async () => {
      const run = await kit.server.run('nomajde-daily-sync')
      await kit.server.reaches(run, 'SUCCEEDED')
      await kit.with(`runs/${run}`, async (page) => {
        const tip = page.getByRole('tooltip')
        const started = page.locator('dl div').filter({ has: page.locator('dt', { hasText: new RegExp(`^${asked}$`) }) }).locator('time')
        await started.waitFor()
        // By the keys alone: through what comes before it on the page.
        for (let i = 0; i < 80 && !(await started.evaluate((it) => it === document.activeElement)); i++) await page.keyboard.press('Tab')
        await tip.waitFor()
        const at = new Date(await started.getAttribute('datetime')).toISOString()
        const text = await tip.innerText()
        assert(text.includes(own) && text.includes(`${at.slice(0, 10)} ${at.slice(11, 19)} (UTC)`), text)
        const id = await started.getAttribute('aria-describedby')
        assert(id !== null && await tip.getAttribute('id') === id, 'what is shown does not describe the instant')
        await kit.picture(page, `zones-${name}`)
        await kit.accessible(page)
        await page.keyboard.press('Escape')
        await tip.waitFor({ state: 'hidden' })
        assert(await started.evaluate((it) => it === document.activeElement && !it.hasAttribute('aria-describedby')), 'Escape took more than the tooltip')
        // The next stop is another instant, which then is the one that is described.
        await page.keyboard.press('Tab')
        await page.locator('time[aria-describedby]').and(page.locator(':focus')).waitFor()
        assert(await page.locator('[aria-describedby="other-zones"]').count() === 1, 'two instants are described by one tooltip')
        await page.keyboard.press('Shift+Tab')
        await tip.waitFor()
        await page.evaluate(() => document.activeElement.blur())
        await tip.waitFor({ state: 'hidden' })
      }, options)
    })
  }

  for (const [theme, options] of [['light', {}], ['dark', { colorScheme: 'dark', locale: 'fr-FR' }]]) {
    await kit.check(`in a dialog an instant shows its other zones when it has the focus, and Escape takes that and not the dialog: ${theme}`, async () => {
      const run = await kit.server.run('quick-check')
      await kit.server.reaches(run, 'SUCCEEDED')
      await kit.with(`runs/${run}`, async (page) => {
        await page.locator('.log-line:not([hidden]) .log-text').first().dblclick()
        const dialog = page.getByRole('dialog')
        const time = dialog.locator('time')
        await time.waitFor()
        for (let i = 0; i < 9 && !(await time.evaluate((it) => it === document.activeElement)); i++) await page.keyboard.press('Shift+Tab')
        const tip = page.getByRole('tooltip')
        await tip.waitFor()
        assert(/\(UTC\)/.test(await tip.innerText()) && await time.getAttribute('aria-describedby') === await tip.getAttribute('id'), await tip.innerText())
        await kit.accessible(page)
        await kit.picture(page, `zones-dialog-${theme}`)
        await page.keyboard.press('Escape')
        await tip.waitFor({ state: 'hidden' })
        assert(await time.evaluate((it) => it === document.activeElement && it.closest('dialog').open), 'Escape took more than the tooltip')
        await page.keyboard.press('Escape')
        await dialog.waitFor({ state: 'detached' })
      }, options)
    })
  }

  await kit.check('a dialog that begins with an instant opens on what one can do', () => kit.with(`schedule?view=day&at=2027-03-10&job=nomajde-daily-sync`, async (page) => {
    const fire = page.locator('[data-kind="fire"][data-of="nomajde-daily-sync"]').first()
    const dialog = page.getByRole('dialog')
    for (let n = 0; n < 2; n++) {
      await fire.click()
      await dialog.locator('time').first().waitFor()
      // The second time everything is there when it opens.
      if (n === 1) assert(await dialog.locator(':focus').evaluate((it) => it.matches('a, button')), 'an instant took the focus')
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
    }
  }))

  await kit.check('in a list the link of a row shows the zones of its instants, so that there is one stop for each row', () => kit.with('jobs', async (page) => {
    const job = card(page, 'nomajde-daily-sync')
    await job.locator('time').first().waitFor()
    assert(await job.locator('time[tabindex]').count() === 0, 'each instant of a row is a stop')
    await page.getByLabel('Filter jobs').focus()
    const link = job.locator('[data-act="open"]')
    for (let i = 0; i < 200 && !(await link.evaluate((it) => it === document.activeElement)); i++) await page.keyboard.press('Tab')
    const tip = page.getByRole('tooltip')
    await tip.getByText('(Europe/Paris)').waitFor()
    await kit.picture(page, 'zones-row')
    await kit.accessible(page)
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await page.waitForURL(/\/runs$/)
    await tip.waitFor({ state: 'hidden' })
  }))

  await kit.check('French is complete: the catalogue has no English word of ours', () => kit.with('jobs', async (page) => {
    await card(page, 'quick-check').waitFor()
    assert(await page.evaluate(() => document.documentElement.lang) === 'fr', 'the language of the document is not French')
    await card(page, 'quick-check').getByRole('button', { name: 'Lancer : quick-check' }).waitFor()
    const text = await page.locator('main').innerText()
    for (const word of ['Run now', 'Reload', 'manual-only', 'Schedule view', 'never ran', 'no next fire']) assert(!text.includes(word), `${word} is English`)
    await kit.picture(page, 'jobs-french')
  }, { locale: 'fr-FR' }))

  await kit.check('the theme is the person’s choice and outlives a reload', () => kit.with('jobs', async (page) => {
    await page.getByRole('button', { name: /^Account and appearance/ }).click()
    await page.getByLabel('Theme').selectOption('dark')
    await page.reload()
    await card(page, 'quick-check').waitFor()
    assert(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme) === 'dark', 'the theme was forgotten')
  }))

  await kit.check('the page says that it is live, and since when it is not', async () => {
    await kit.with('jobs', async (page) => {
      await live(page)
      await page.locator('[data-scheduler="active"]').waitFor()
    })
  })

  await kit.check('where the clipboard is withheld, copying offers the text selected', async () => {
    const run = await kit.server.run('quick-check')
    await kit.server.reaches(run, 'SUCCEEDED')
    await kit.with(`runs/${run}`, async (page) => {
      await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true }))
      await page.getByRole('button', { name: 'Copy the run id' }).click()
      const box = page.locator('textarea')
      await box.waitFor()
      assert(await box.inputValue() === run, 'the text is not offered')
      assert(await page.evaluate(() => getSelection().toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)) === run, 'it is not selected')
    })
  })

  await kit.check('an action is copied as a command line', () => kit.with('jobs', async (page) => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await card(page, 'quick-check').getByRole('button', { name: 'More about quick-check' }).click()
    await page.getByRole('menuitem', { name: 'Copy as command line: Run now' }).click()
    await page.getByText('Command line copied').waitFor()
    assert(await page.evaluate(() => navigator.clipboard.readText()) === 'nomaflow job run quick-check', 'the clipboard has something else')
  }))

  await kit.check('nine tabs share one stream', async () => {
    const first = await kit.open('jobs')
    const pages = [first]
    await live(first)
    const streams = async () => (await kit.server.call('GET', 'admin/jobs/health')).body.checks.find((check) => check.name === 'streams').figure
    const before = await streams()
    for (let i = 1; i < 9; i++) {
      const page = await first.context().newPage()
      await page.goto(new URL('jobs', kit.server.url).href)
      pages.push(page)
    }
    for (const page of pages) await live(page)
    assert(before > 0 && await streams() <= before, `${await streams()} streams, ${before} before`)
    await kit.server.run('quick-check')
    for (const page of pages) await card(page, 'quick-check').locator('[data-status="SUCCEEDED"]').waitFor()
    await first.context().close()
  })
}
