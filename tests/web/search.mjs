/** The search over the logs of all runs, on lines of jobs that really ran. */
import { assert, until } from './kit.mjs'

const texts = (page) => page.locator('[data-hit]').evaluateAll((all) => all.map((each) => each.innerText))
const runs = (page) => page.locator('section[data-run]').evaluateAll((all) => all.map((each) => each.dataset.run))

export default async function (kit) {
  const { server } = kit
  kit.expected.push(/status of (401|422).*(logs\/search|auth)/)
  const talk = await server.run('writes-a-long-log', { params: { lines: 3000 } })
  await server.reaches(talk, 'SUCCEEDED')
  const bad = await server.run('billing-nightly-rebuild')
  await server.reaches(bad, 'FAILED')
  const ok = await server.run('quick-check')
  await server.reaches(ok, 'SUCCEEDED')
  const search = async (page, words) => {
    await page.getByRole('searchbox', { name: 'Words to look for' }).fill(words)
    await page.keyboard.press('Enter')
  }

  await kit.check('words find lines of all runs, newest first, by run, with what was found marked', () => kit.with('logs', async (page) => {
    await page.getByText('Search the logs of all runs').waitFor()
    await search(page, 'run started')
    await page.waitForURL(/[?&]q=run\+started/)
    await page.locator('[data-hit]').first().waitFor()
    assert((await runs(page)).join() === [ok, bad, talk].join(), `the runs are ${await runs(page)}`)
    const marks = await page.locator('[data-hit] mark').allInnerTexts()
    assert(marks.length >= 6 && marks.every((each) => /^(run|started)$/i.test(each)), `marked: ${marks}`)
    await kit.accessible(page)
    await kit.picture(page, 'search')
  }))

  await kit.check('a phrase, signs and beginnings', () => kit.with('logs?q=%22totals of north%22', async (page) => {
    await page.locator(`section[data-run="${bad}"]`).waitFor()
    assert((await runs(page)).every((run) => run === bad), 'other runs have it')
    await search(page, 'ORA-01555 snap*')
    await page.locator(`section[data-run="${talk}"]`).waitFor()
    await until(page, () => document.querySelectorAll('[data-hit]').length === 3)
    assert((await texts(page)).every((text) => text.includes('ORA-01555 snapshot')), 'other lines')
  }))

  await kit.check('a line is found within a second of being written', () => kit.with('logs', async (page) => {
    const run = await server.run('waits-at-the-gate')
    await page.waitForFunction(async ([url, headers]) => (await (await fetch(url, { headers })).json()).lines?.some((line) => line.message.includes('waiting at the gate')),
      [new URL(`admin/jobs/runs/${run}/logs`, server.url).href, { authorization: `Bearer ${server.token}` }])
    const began = Date.now()
    await search(page, 'waiting gate')
    await page.locator(`section[data-run="${run}"]`).waitFor()
    assert(Date.now() - began < 3000, `it took ${Date.now() - began} ms`)
    kit.letGo(run)
  }))

  await kit.check('filters narrow the search and live in the address', () => kit.with('logs?q=chunk', async (page) => {
    await page.locator('[data-hit]').first().waitFor()
    await page.getByLabel('Lowest level').selectOption('ERROR')
    await page.waitForURL(/level=ERROR/)
    await until(page, () => document.querySelectorAll('[data-hit]').length === 3)
    await page.getByLabel('Lowest level').selectOption('')
    await page.getByRole('combobox', { name: 'Job' }).fill('quick')
    await page.getByRole('option', { name: 'quick-check' }).click()
    await page.waitForURL(/job=quick-check/)
    await page.getByText('No line has these words').waitFor()
    await page.getByRole('button', { name: 'Clear the filters: quick-check' }).click()
    await page.locator('[data-hit]').first().waitFor()
    await page.getByLabel('Time', { exact: true }).selectOption('1h')
    await page.waitForURL(/range=1h/)
    await page.locator('[data-hit]').first().waitFor()
    await page.reload()
    await page.locator('[data-hit]').first().waitFor()
    assert(await page.getByLabel('Time', { exact: true }).inputValue() === '1h', 'the filter is gone')
  }))

  await kit.check('older lines come by pages, each line once', () => kit.with('logs?q=copy chunk', async (page) => {
    await until(page, () => document.querySelectorAll('[data-hit]').length === 50)
    const more = page.getByRole('button', { name: 'Older lines' })
    await more.click()
    await until(page, () => document.querySelectorAll('[data-hit]').length === 100)
    await more.click()
    await until(page, () => document.querySelectorAll('[data-hit]').length === 150)
    const lines = await page.locator('[data-hit]').evaluateAll((all) => all.map((each) => Number(each.dataset.hit)))
    assert(lines.every((line, i) => i === 0 || line < lines[i - 1]), 'not newest first, each once')
  }))

  await kit.check('a hit opens the log at its line', () => kit.with('logs?q=ORA-01555', async (page) => {
    const hit = page.locator('[data-hit]').nth(1)
    const line = await hit.getAttribute('data-hit')
    await hit.click()
    await page.waitForURL(new RegExp(`/runs/${talk}#L${line}$`))
    await page.locator('.log-line', { hasText: 'chunk 2000: ORA-01555' }).waitFor()
  }))

  await kit.check('what cannot be looked for is said in words', () => kit.with('logs?q=%22open', async (page) => {
    await page.getByText('the quote at character 1 is not closed', { exact: false }).waitFor()
    await search(page, 'nowhere-to-be-found')
    await page.getByText('No line has these words').waitFor()
    await kit.accessible(page)
  }))

  await kit.check('the palette searches the logs for what was typed', () => kit.with('jobs', async (page) => {
    await page.locator('[data-job]').first().waitFor()
    await page.keyboard.press('Control+K')
    await page.getByRole('combobox', { name: 'Search everything' }).fill('snapshot too old')
    await page.getByRole('option', { name: /in the logs of all runs/ }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/logs\?q=snapshot\+too\+old/)
    await page.locator(`section[data-run="${talk}"]`).waitFor()
  }))

  await kit.check('who may see one job finds its lines only', async () => {
    const { body } = await server.call('POST', 'admin/users', { name: 'olga', permissions: ['job:quick-check'] })
    const page = await kit.open(null, { signedOut: true })
    const post = (path, data) => page.context().request.post(new URL(path, server.url).href, { data })
    assert((await post('auth/login', { user: 'olga', password: body.one_time_password })).ok(), 'not signed in')
    assert((await post('auth/password', { old: body.one_time_password, new: 'seven green bottles' })).ok(), 'not changed')
    await page.goto(new URL('logs?q=run started', server.url).href)
    await page.locator(`section[data-run="${ok}"]`).waitFor()
    assert((await runs(page)).join() === ok, `the runs are ${await runs(page)}`)
    await page.context().close()
  })

  await kit.check('in French, and on a narrow screen, it fits and is accessible', async () => {
    const page = await kit.open('logs?q=run started', { locale: 'fr-FR', viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
    await page.getByRole('heading', { name: 'Recherche dans les journaux' }).waitFor()
    await page.locator('[data-hit]').first().waitFor()
    await kit.fits(page)
    await kit.accessible(page)
    await kit.picture(page, 'search-narrow-dark-fr')
    await page.context().close()
  })
}
