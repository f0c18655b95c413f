/** The plugins: what they offer, what they may touch, who uses them. Components are those that the repository builds. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assert } from './kit.mjs'
import { openAs } from './people.mjs'

/** The folder of built components: beside that of the program, where \`make components\` puts them. */
const BUILT = process.env.NOMAFLOW_COMPONENTS ?? join(dirname(process.env.NOMAFLOW_BIN), '../components')

export default async function (kit) {
  const { server } = kit
  const folder = join(server.home, 'plugins/vendor')
  const put = (name, grants) => {
    const from = join(BUILT, `${name}.wasm`)
    assert(existsSync(from), `${from} is missing: build the components first (make components)`)
    copyFileSync(from, join(folder, `${name}.wasm`))
    if (grants) writeFileSync(join(folder, `${name}.toml`), grants)
  }
  mkdirSync(folder)
  put('flights', '[grants.connectors]\nops = "read-write"\n[limits]\nmemory_mb = 64\n')
  put('wrong-world')
  writeFileSync(join(folder, 'jobs.toml'), `
[[jobs]]
id = "flights-daily"
[[jobs.steps]]
name = "delays"
type = "wasm"
callable = "flights:carrier_delays"
op_kwargs = { connector = "ops", source_table = "flights", target_table = "delays" }
`)

  await kit.check('reading again loads new files, and tells why one does not load', () => kit.with('plugins', async (page) => {
    await page.locator('[data-plugin="shop.work"]').waitFor()
    await page.getByRole('button', { name: 'Read again' }).click()
    await page.locator('[data-plugin="flights"] [data-state="loaded"]').waitFor({ timeout: 60_000 })
    const wrong = page.locator('[data-plugin="wrong-world"]')
    await wrong.locator('[data-state="failed"]').waitFor()
    assert(/does not fit this host/.test(await wrong.innerText()), await wrong.innerText())
    await kit.picture(page, 'plugins-list-light')
    await kit.accessible(page)
  }))

  await kit.check('the list tells kind, callables, access and use; the filter finds a callable', () => kit.with('plugins', async (page) => {
    const flights = await page.locator('[data-plugin="flights"]').innerText()
    assert(/component/.test(flights) && /1 callable/.test(flights) && /Databases/.test(flights) && /1 job/.test(flights), flights)
    const python = await page.locator('[data-plugin="shop.work"]').innerText()
    assert(/Python module/.test(python) && /\b[1-9]\d* callables/.test(python) && /rights of the server/.test(python), python)
    await page.getByLabel('Filter the plugins').fill('carrier_delays')
    await page.locator('[data-plugin="shop.work"]').waitFor({ state: 'detached' })
    await page.waitForURL(/q=carrier_delays/)
  }))

  await kit.check('a component shows in plain words what it asks for and what it was granted', () => kit.with('plugins/flights', async (page) => {
    const area = (name) => page.locator(`[data-area="${name}"]`)
    await area('connectors').getByText('ops: read and write').waitFor()
    assert(await area('connectors').getAttribute('data-verdict') === 'granted', 'it is not told as granted')
    await area('http').getByText('does not ask, nothing granted').waitFor()
    await page.getByText('64 MB').waitFor()
    await kit.picture(page, 'plugin-light')
    await kit.accessible(page)
  }))

  await kit.check('what is asked and not granted is said to fail', async () => {
    writeFileSync(join(folder, 'flights.toml'), '[limits]\nmemory_mb = 64\n')
    await kit.with('plugins/flights', async (page) => {
      await page.locator('[data-area="connectors"][data-verdict="denied"]').getByText('asks, not granted').waitFor()
    })
  })

  await kit.check('a callable has its parameters, an example of a step, and the jobs and steps that call it', () => kit.with('plugins/flights', async (page) => {
    const shown = page.locator('[data-shown="flights:carrier_delays"]')
    await shown.locator('[data-param="connector"]').getByText('required').waitFor()
    assert(/0\.0001 … 0\.25/.test(await shown.locator('[data-param="accuracy"]').innerText()), 'its limits are missing')
    await shown.getByRole('link', { name: 'flights-daily' }).waitFor()
    assert(/delays/.test(await shown.innerText()), 'the step is missing')
    const example = await shown.locator('[data-example]').innerText()
    assert(example.includes('callable = "flights:carrier_delays"') && example.includes('# accuracy = 0.01'), example)
    // What is offered to be pasted has to be right.
    const { body } = await server.call('POST', 'admin/jobs/validate', { app: 'vendor', text: `[[jobs]]\nid = "pasted"\n${example.replaceAll('"CONNECTOR"', '"ops"')}` })
    assert(body.valid, JSON.stringify(body.problems))
  }))

  await kit.check('a Python module has its functions; the chosen one stands in the address', () => kit.with('plugins/shop.work', async (page) => {
    await page.getByText('with the rights of the server').waitFor()
    await page.locator('[data-callable="shop.work:talk"]').click()
    await page.waitForURL(/callable=shop\.work(:|%3A)talk/)
    await page.reload()
    await page.locator('[data-shown="shop.work:talk"] [data-param="lines"]').getByText('500').waitFor()
    await page.locator('[data-shown="shop.work:talk"]').getByRole('link', { name: 'writes-a-long-log' }).waitFor()
    await kit.accessible(page)
  }))

  await kit.check('a plugin that is gone says what that means', () => kit.with('plugins/never-was', async (page) => {
    await page.getByText('There is no such plugin').waitFor()
  }))

  await kit.check('a person sees only the uses by jobs of theirs', async () => {
    const page = await openAs(kit, server, ['job:quick-check'])
    try {
      await page.goto(new URL('plugins/shop.work', server.url).href)
      await page.locator('[data-shown="shop.work:copy"]').getByRole('link', { name: 'quick-check' }).waitFor()
      assert(await page.locator('[data-shown] a[href*="nomajde"]').count() === 0, 'jobs of others are shown')
    } finally {
      await page.context().close()
    }
  })

  const component = (name) => join(BUILT, `${name}.wasm`)
  const choose = (page, name) => page.locator('dialog input[type="file"]').setInputFiles(component(name))

  await kit.check('a component is uploaded: looked at first, with its digest, then in force', () => kit.with('plugins', async (page) => {
    await page.getByRole('button', { name: 'Install a component' }).click()
    const dialog = page.getByRole('dialog')
    const dropped = await page.evaluateHandle(() => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([new Uint8Array(3)], 'dropped.wasm'))
      return transfer
    })
    await dialog.locator('label', { hasText: 'Drop a component' }).dispatchEvent('drop', { dataTransfer: dropped })
    await dialog.getByText('dropped.wasm').waitFor()
    assert((await dialog.getByLabel('Name').inputValue()) === 'dropped', 'the name does not come from the file')
    await choose(page, 'echo')
    await dialog.getByLabel('Name').fill('../echo')
    await dialog.getByText('it begins with a letter or a digit').waitFor()
    assert(await dialog.getByRole('button', { name: 'Look at it' }).isDisabled(), 'a name that leads elsewhere may be sent')
    await dialog.getByLabel('Name').fill('guest')
    await dialog.getByLabel('App').fill('vendor')
    await dialog.getByRole('button', { name: 'Look at it' }).click()
    const report = dialog.locator('[data-report="looked"]')
    await report.waitFor()
    assert(/[0-9a-f]{64}/.test(await report.innerText()), 'the digest is missing')
    assert(!existsSync(join(folder, 'guest.wasm')), 'it is there already')
    await kit.picture(page, 'plugin-install')
    await kit.accessible(page)
    await dialog.getByRole('button', { name: 'Install', exact: true }).click()
    await dialog.locator('[data-report="installed"]').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.locator('[data-plugin="guest"] [data-state="loaded"]').waitFor()
    assert(existsSync(join(folder, 'guest.wasm')), 'it is not where it belongs')
  }))

  await kit.check('a file that is no component is refused with why, and nothing changes', () => kit.with('plugins/guest', async (page) => {
    kit.expected.push(/status of 422.*component/)
    await page.getByRole('button', { name: 'New version' }).click()
    await page.locator('dialog input[type="file"]').setInputFiles({ name: 'guest.wasm', mimeType: 'application/wasm', buffer: Buffer.from('not a component') })
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByRole('dialog').getByText('is not a component: it is a text file').waitFor()
    await kit.accessible(page)
  }))

  await kit.check('Try it: a form made of the schema, the result and the log beside it', () => kit.with('plugins/flights', async (page) => {
    const trial = page.locator('[data-try]')
    await trial.locator('summary').click()
    await trial.getByRole('button', { name: 'Call it' }).click()
    await trial.getByLabel(/^connector/).fill('ops')
    await trial.getByLabel(/^source_table/).fill('nowhere')
    await trial.getByLabel(/^target_table/).fill('nowhere')
    await trial.getByRole('button', { name: 'Call it' }).click()
    await trial.locator('[data-trial]:not([data-trial="ok"])').waitFor()
    await kit.accessible(page)
    await page.goto(new URL('plugins/guest?callable=guest%3Arun', server.url).href)
    await page.locator('[data-shown="guest:run"] [data-try] summary').click()
    await page.locator('[data-shown="guest:run"]').getByRole('button', { name: 'Call it' }).click()
    await page.locator('[data-trial="ok"]').waitFor()
    await kit.picture(page, 'plugin-try')
    await kit.accessible(page)
  }))

  await kit.check('a version that asks for more is blocked, with what is new, until it is approved; the way back is one click', () => kit.with('plugins/guest', async (page) => {
    copyFileSync(component('denied'), join(folder, 'guest.wasm'))
    for (let tries = 0; tries < 60; tries += 1) {
      await page.reload()
      await page.locator('h1').waitFor()
      if (await page.locator('[data-blocked]').waitFor({ timeout: 1_000 }).then(() => true, () => false)) break
    }
    await page.locator('[data-blocked] [data-new]').getByText('Databases').waitFor()
    await kit.picture(page, 'plugin-blocked')
    await kit.accessible(page)
    await page.getByRole('button', { name: 'Approve what it asks for' }).click()
    await page.locator('[data-blocked]').waitFor({ state: 'detached' })
    await page.locator('header [data-state="loaded"]').waitFor()
    await page.locator('[data-version]:not([data-in-force])').getByRole('button', { name: 'Go back to it' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('[data-report="looked"]').waitFor()
    await dialog.getByRole('button', { name: 'Install', exact: true }).click()
    await dialog.locator('[data-report="installed"]').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.locator('[data-in-force]').first().waitFor()
    await kit.accessible(page)
  }))

  await kit.check('an upload that would break a job lists it before anything happens', () => kit.with('plugins/flights', async (page) => {
    await page.getByRole('button', { name: 'New version' }).click()
    await choose(page, 'echo')
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.locator('[data-breaks-job="flights-daily"]').waitFor()
    await kit.picture(page, 'plugin-breaks')
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    await page.locator('[data-shown="flights:carrier_delays"]').waitFor()
  }))

  await kit.check('a job stays with a version: it is chosen at a step, and the page of the plugin says who stays with which', async () => {
    const { body } = await server.call('GET', 'admin/plugins/guest/versions')
    const kept = body.versions.find((each) => each.kept && !each.in_force)
    const digest = kept.digest.slice(0, 12)
    const made = await server.call('POST', 'admin/jobs', { app: 'vendor', text: '[[jobs]]\nid = "stays"\n[[jobs.steps]]\nname = "call"\ntype = "wasm"\ncallable = "guest:run"\n' })
    assert(made.status < 300, JSON.stringify(made.body))
    await kit.with('jobs/stays/edit', async (page) => {
      await page.locator('[data-step="call"] [data-act="open"]').click()
      const version = page.locator('[data-pointer="/pins/guest"] select')
      await version.selectOption(kept.digest)
      await page.getByText('no problem found').waitFor()
      await kit.picture(page, 'editor-pin-light')
      await kit.accessible(page)
      await page.locator('[data-act="save"]').click()
      await page.locator('[data-saved]').waitFor()
    })
    const { job } = (await server.call('GET', 'admin/jobs/stays/source')).body
    assert(JSON.stringify(job.pins) === JSON.stringify({ guest: digest }), JSON.stringify(job))
    await kit.with('plugins/guest', async (page) => {
      await page.locator(`[data-version="${digest}"]`).getByRole('link', { name: 'stays' }).waitFor()
      await page.locator(`[data-version="${digest}"]`).scrollIntoViewIfNeeded()
      await kit.picture(page, 'plugin-pinned-light')
      await kit.fits(page)
      await kit.accessible(page)
    })
    const run = await server.run('stays')
    await server.reaches(run, 'SUCCEEDED', 'FAILED')
    await kit.with('plugins/guest', async (page) => {
      await page.locator('[data-usage="1"]').waitFor()
      await kit.accessible(page)
    })
    const gone = await server.call('POST', 'admin/jobs/validate', { app: 'vendor', text: '[[jobs]]\nid = "gone"\n[jobs.pins]\nguest = "ffffffffffff"\n[[jobs.steps]]\nname = "call"\ntype = "wasm"\ncallable = "guest:run"\n' })
    const [found] = gone.body.problems
    assert(found.code === 'pin-missing' && found.pointer === '/pins/guest', JSON.stringify(gone.body))
  })

  for (const [look, options] of Object.entries({ dark: { colorScheme: 'dark' }, 'narrow-light': { viewport: { width: 390, height: 844 } } })) {
    await kit.check(`list and detail, ${look}: fit and are accessible`, () => kit.with(null, async (page) => {
      for (const [path, name, sign] of [['plugins', 'plugins-list', '[data-plugin]'], ['plugins/flights', 'plugin', '[data-shown]']]) {
        await page.goto(new URL(path, server.url).href)
        await page.locator(sign).first().waitFor()
        await kit.picture(page, `${name}-${look}`)
        await kit.fits(page)
        await kit.accessible(page)
      }
    }, options))
  }
}
