/** Health: the sentence on top, the checks, the processes, the pause everybody sees. */
import { assert, live } from './kit.mjs'

const verdict = (page, of) => page.locator(`[data-verdict="${of}"]`)

export default async function (kit) {
  const page = await kit.open('health')
  await live(page)

  await kit.check('one sentence says whether schedules fire, who fires them, and what is next', async () => {
    await verdict(page, 'good').waitFor()
    const { body } = await kit.server.call('GET', 'admin/jobs/health')
    const text = await verdict(page, 'good').innerText()
    assert(text.includes(body.lease.holder) && text.includes('8 jobs') && text.includes('next fire'), text)
  })

  await kit.check('every process is there, with what it may do and when it was last seen', async () => {
    const { body } = await kit.server.call('GET', 'admin/jobs/health')
    const row = page.getByRole('row').filter({ hasText: body.replica }).last()
    const text = await row.innerText()
    assert(/has the lease/.test(text) && /answers you/.test(text) && text.includes('0 / 16'), text)
  })

  await kit.check('checks say what is wrong in words, and where to mend it', async () => {
    assert(await page.locator('[data-check="bad"]').count() === 0, 'something is in trouble')
    await page.getByText('There is no transport: nobody is told of failures.').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'health')
  })

  await kit.check('a pause with its reason is asked for once and seen on every page', async () => {
    const other = await kit.open('jobs')
    await live(other)
    await page.getByRole('button', { name: 'Pause schedules' }).click()
    await page.getByLabel('Reason').fill('moving the database')
    await kit.accessible(page)
    await page.getByRole('dialog').getByRole('button', { name: 'Pause schedules' }).click()
    await verdict(page, 'paused').waitFor()
    assert((await verdict(page, 'paused').innerText()).includes('moving the database'), 'no reason')
    await other.getByText('moving the database').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'health-paused')
    await page.getByRole('button', { name: 'Resume schedules' }).click()
    await verdict(page, 'good').waitFor()
    await other.getByText('moving the database').waitFor({ state: 'detached' })
    await other.context().close()
  })

  await kit.check('a run that is under way is counted, and gone from the count when it is over', async () => {
    const run = await kit.server.run('waits-at-the-gate')
    await kit.server.reaches(run, 'RUNNING')
    await page.reload()
    await page.getByRole('link', { name: '1 run in flight' }).waitFor()
    kit.letGo(run)
    await kit.server.reaches(run, 'SUCCEEDED')
    await page.reload()
    await page.getByRole('link', { name: '0 runs in flight' }).waitFor()
  })

  await kit.check('who may run one job sees how things are, and no switch', async () => {
    const { body } = await kit.server.call('POST', 'admin/users', { name: 'olga', permissions: ['job:quick-check'] })
    const context = await kit.open(null, { signedOut: true })
    const signIn = await context.context().request.post(new URL('auth/login', kit.server.url).href, { data: { user: 'olga', password: body.one_time_password } })
    assert(signIn.ok(), `signing in answered ${signIn.status()}`)
    const changed = await context.context().request.post(new URL('auth/password', kit.server.url).href, { data: { old: body.one_time_password, new: 'seven green bottles' } })
    assert(changed.ok(), `the password answered ${changed.status()}`)
    await context.goto(new URL('health', kit.server.url).href)
    await verdict(context, 'good').waitFor()
    assert((await verdict(context, 'good').innerText()).includes('1 job'), 'sees other jobs')
    assert(await context.getByRole('button', { name: 'Pause schedules' }).count() === 0, 'sees the switch')
    for (const path of ['alerts', 'settings/users', 'settings/audit']) {
      await context.goto(new URL(path, kit.server.url).href)
      await context.getByText('You may not see this page').waitFor()
    }
    await context.goto(new URL('settings/tokens', kit.server.url).href)
    await context.getByRole('button', { name: 'New token' }).waitFor()
    assert(await context.getByRole('link', { name: 'Users' }).count() === 0, 'sees the users')
    await context.context().close()
  })

  await kit.check('how accurately schedules fire is told for the span that is chosen', async () => {
    await page.goto(new URL('health', kit.server.url).href)
    const panel = page.locator('section').filter({ has: page.getByRole('heading', { name: 'How accurately schedules fire' }) })
    await panel.getByText('Fires', { exact: true }).waitFor()
    await panel.getByLabel('Span').selectOption('168')
    await panel.getByText('Fires', { exact: true }).waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'health-accuracy')
  })

  await kit.check('health fits a narrow screen, in the dark, in French', async () => {
    await kit.with('health', async (narrow) => {
      await verdict(narrow, 'good').waitFor()
      await kit.fits(narrow)
      await kit.accessible(narrow)
      await kit.picture(narrow, 'health-narrow-dark-fr')
    }, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' })
  })
  await page.context().close()
}
