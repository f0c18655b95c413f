/** The SQL editor of a step: what it knows of the database behind a connector, and its check, which runs nothing. */
import { assert, until } from './kit.mjs'

const TABLES = `create table if not exists orders (id integer primary key, customer text, total numeric);
create table if not exists customers (id integer primary key, name text)`

const LOOKS = { light: {}, dark: { colorScheme: 'dark' }, 'narrow-light': { viewport: { width: 390, height: 844 } }, forced: { forcedColors: 'active' } }

const place = (page, pointer) => page.locator(`[data-pointer="${pointer}"]`)
const box = (page) => place(page, '/steps/0/query').locator('.cm-content')
/** As a person writes over what is there. */
async function write(page, query) {
  await box(page).focus()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  if (query !== '') await page.keyboard.insertText(query)
}
const answer = (page) => place(page, '/steps/0/query').locator('[data-checked]')
const verdict = (page, n = 0) => place(page, '/steps/0/query').locator('[data-verdict]').nth(n)
const text = (page) => box(page).evaluate((content) => [...content.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n'))

export default async function (kit) {
  const { server } = kit
  const job = (id, query, more = '') => ({ app: 'shop', text: `[[jobs]]\nid = "${id}"\n[[jobs.steps]]\nname = "ask"\ntype = "sql_query"\nconnector = "ops"\nquery = """${query}"""\n${more}` })
  const made = await server.call('POST', 'admin/jobs', job('makes-tables', TABLES))
  assert(made.status === 201 || made.status === 200, JSON.stringify(made.body))
  await server.reaches(await server.run('makes-tables'), 'SUCCEEDED')
  await server.call('POST', 'admin/jobs', job('asks', 'select total, :month as month\nfrom orders', 'params = { month = "2026-11" }\n'))
  await server.call('POST', 'admin/jobs', job('counts', 'select count(*) as n from orders'))

  const open = async (page) => {
    await page.locator('[data-step="ask"] [data-act="open"]').click()
    await box(page).waitFor()
  }
  const rows = async () => {
    const run = await server.run('counts')
    await server.reaches(run, 'SUCCEEDED')
    return (await server.call('GET', `admin/jobs/runs/${run}`)).body.steps[0].output.first_row.n
  }

  for (const [look, options] of Object.entries(LOOKS)) {
    await kit.check(`a step with SQL, ${look}: highlighted, within the policy, accessible, and it fits`, () => kit.with('jobs/asks/edit', async (page) => {
      await open(page)
      await place(page, '/steps/0/query').locator('.cm-param', { hasText: ':month' }).waitFor()
      const styled = await box(page).evaluate((content) => ({ font: getComputedStyle(content).fontFamily, sheets: content.getRootNode().adoptedStyleSheets.length, tags: document.querySelectorAll('style').length + content.getRootNode().querySelectorAll('style').length }))
      assert(/JetBrains|mono/i.test(styled.font) && styled.sheets > 0 && styled.tags === 0, JSON.stringify(styled))
      await page.getByRole('button', { name: 'Check', exact: true }).click()
      await verdict(page).waitFor()
      await kit.fits(page)
      await kit.accessible(page)
      await box(page).scrollIntoViewIfNeeded()
      await kit.picture(page, `sql-${look}`)
      await kit.noViolations(page)
    }, options))
  }

  await kit.check('Ctrl+Enter has the database look at every statement and runs none', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    const before = await rows()
    await write(page, "insert into orders (customer, total) values ('a', :month); select id, total from orders")
    await box(page).press('Control+Enter')
    await answer(page).waitFor()
    assert(await answer(page).getAttribute('data-checked') === 'ok', await answer(page).innerText())
    assert(/insert\s+fine$/.test((await verdict(page, 0).innerText()).trim()), await verdict(page, 0).innerText())
    assert(/returns id, total/.test(await verdict(page, 1).innerText()), await verdict(page, 1).innerText())
    assert(await rows() === before, 'the check has run the statement')
    const { text: saved } = (await server.call('GET', 'admin/jobs/asks/source')).body
    assert(!saved.includes('insert into'), 'the check has saved the job')
  }))

  await kit.check('a mistake stands at its place: marked in the text, and a click leads there', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    await write(page, 'select id,\n  totl\nfrom orders')
    await box(page).press('Control+Enter')
    await place(page, '/steps/0/query').locator('[data-verdict="wrong"]').getByText('no such column: totl').waitFor()
    await place(page, '/steps/0/query').locator('.cm-wrong', { hasText: 'totl' }).waitFor()
    await kit.picture(page, 'sql-mistake')
    await kit.accessible(page)
    await page.getByRole('button', { name: '2:3' }).click()
    await page.keyboard.type('total -- ')
    assert((await text(page)).split('\n')[1] === '  total -- totl', await text(page))
    await answer(page).waitFor({ state: 'detached' })
    await box(page).press('Control+Enter')
    await page.locator('[data-checked="ok"]').waitFor()
  }))

  await kit.check('a parameter without a value is underlined and told; a template is not known before the run', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    await write(page, 'select :month, :nobody, a::text from x_${params.year}')
    const marks = () => box(page).locator('.cm-param').evaluateAll((all) => all.map((each) => `${each.textContent}${each.classList.contains('cm-unbound') ? '!' : ''}`).join())
    await until(page, () => document.querySelector('[data-code]').shadowRoot?.querySelectorAll('.cm-param').length === 2)
    assert(await marks() === ':month,:nobody!', await marks())
    await box(page).press('Control+Enter')
    await verdict(page).getByText('no value here for :nobody').waitFor()
    assert(await verdict(page).getAttribute('data-verdict') === 'unknown', await verdict(page).innerText())
  }))

  await kit.check('it completes tables, columns of an alias, columns of what is mentioned, and keywords', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    const options = page.locator('[data-code] .cm-tooltip-autocomplete li')
    const choose = async (name) => {
      await options.filter({ hasText: name }).first().waitFor()
      await options.filter({ hasText: name }).first().click()
    }
    await write(page, '')
    await page.keyboard.type('select * from cust')
    await choose('customers')
    assert(await text(page) === 'select * from customers', await text(page))
    await page.keyboard.type(' c where c.na')
    await choose('name')
    await page.keyboard.type(' = 1 order by na')
    await options.filter({ hasText: 'name' }).filter({ hasText: 'customers' }).first().waitFor()
    await kit.picture(page, 'sql-complete')
    await kit.accessible(page)
    await page.keyboard.press('Escape')
    await options.first().waitFor({ state: 'detached' })
    await page.locator('[data-step-panel]').waitFor()
    assert(await text(page) === 'select * from customers c where c.name = 1 order by na', await text(page))
  }))

  await kit.check('what is typed is saved; keys that act elsewhere are letters here, and Escape closes the step', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    await write(page, 'select 1')
    await box(page).press('End')
    await page.keyboard.type(' as gj /?r\nx')
    assert(await page.getByRole('dialog').count() === 0 && page.url().endsWith('/edit'), 'a shortcut has acted')
    await box(page).press('Control+z')
    await write(page, 'select 3 as three')
    await page.getByText('no problem found').waitFor()
    await page.keyboard.press('Control+s')
    await page.locator('[data-saved]').waitFor()
    const { job: saved } = (await server.call('GET', 'admin/jobs/asks/source')).body
    assert(saved.steps[0].query === 'select 3 as three', JSON.stringify(saved.steps[0]))
    await box(page).focus()
    await page.keyboard.press('Escape')
    await page.locator('[data-step-panel]').waitFor({ state: 'detached' })
  }))

  await kit.check('who types fast loses no letter', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    for (let round = 0; round < 20; round += 1) {
      await write(page, '')
      await page.keyboard.type(`abc${round}`)
      assert(await text(page) === `abc${round}`, await text(page))
      await page.keyboard.press('Escape')
      if (await page.locator('[data-step-panel]').count() === 0) await open(page)
    }
  }))

  await kit.check('an empty query is refused at the field, and Save puts the cursor into it', () => kit.with('jobs/asks/edit', async (page) => {
    kit.expected.push(/status of 422/)
    await open(page)
    await write(page, '')
    await page.locator('[data-step="ask"][data-bad]').waitFor()
    await page.getByRole('button', { name: 'Close the step' }).click()
    await page.locator('[data-act="save"]').click()
    await until(page, () => document.activeElement.closest('[data-pointer]')?.dataset.pointer === '/steps/0/query')
    await until(page, () => document.querySelector('[data-code]')?.shadowRoot?.activeElement?.getAttribute('aria-invalid') === 'true')
    await kit.accessible(page)
  }))

  await kit.check('without a connector that can be asked there is nothing to check with', () => kit.with('jobs/asks/edit', async (page) => {
    await open(page)
    await place(page, '/steps/0/connector').locator('input').fill('nowhere')
    await page.keyboard.press('Escape')
    kit.expected.push(/status of 404.*nowhere/)
    await box(page).press('Control+Enter')
    await place(page, '/steps/0/query').getByText('there is no connector `nowhere`').waitFor()
    await place(page, '/steps/0/connector').locator('input').fill('')
    await until(page, () => document.querySelector('[data-act="check-sql"]').disabled)
  }))
}
