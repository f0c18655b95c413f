/** Alerts: transports with secrets that never come back, routes in order, and what became of every message. */
import { createServer } from 'node:http'
import { assert } from './kit.mjs'

/** A receiver on this machine: `/ok` takes everything, `/bad` refuses everything. */
async function receiver() {
  const got = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (part) => (body += part))
    request.on('end', () => {
      got.push({ path: request.url, body })
      if (request.url === '/bad') response.writeHead(400).end('channel_not_found')
      else response.end('thanks')
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return { got, url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}

const transport = (page, name) => page.locator(`[data-transport="${name}"]`)
const dialog = (page) => page.getByRole('dialog')
const order = (page) => page.locator('[data-route]').evaluateAll((rows) => rows.map((row) => row.dataset.route).join())

export default async function (kit) {
  kit.expected.push(/status of (403|404|409|422)/)
  const hook = await receiver()
  const page = await kit.open('alerts')

  await kit.check('a server without transports says what they are for, and offers one', async () => {
    await page.getByText('Nobody is told of anything yet').waitFor()
    await kit.accessible(page)
    await page.getByRole('button', { name: 'Add a transport' }).click()
    await dialog(page).waitFor()
  })

  await kit.check('what the server finds stands at the field it is about', async () => {
    await dialog(page).getByLabel('Name', { exact: true }).fill('pager')
    await dialog(page).getByLabel('Kind').selectOption('webhook')
    await dialog(page).getByLabel('Address').fill('ftp://nowhere')
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).locator('[aria-invalid="true"]').waitFor()
    assert((await dialog(page).locator('[aria-invalid="true"]').inputValue()) === 'ftp://nowhere', 'another field is marked')
    await kit.accessible(page)
  })

  await kit.check('values are tried before they are saved, and the answer is shown word for word', async () => {
    await dialog(page).getByLabel('Address').fill(`${hook.url}/bad`)
    await dialog(page).getByLabel('Key of the signature').fill('never-shown-again')
    await dialog(page).getByRole('button', { name: 'Test these values' }).click()
    await dialog(page).locator('[data-test="failed"]').waitFor()
    assert((await dialog(page).locator('[data-test]').innerText()).includes('channel_not_found'), 'the answer is not shown')
    await dialog(page).getByLabel('Address').fill(`${hook.url}/ok`)
    await dialog(page).getByRole('button', { name: 'Test these values' }).click()
    await dialog(page).locator('[data-test="ok"]').waitFor()
    await kit.picture(page, 'alerts-transport-dialog')
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await transport(page, 'pager').waitFor()
    assert(hook.got.length === 2, `the receiver got ${hook.got.length}`)
  })

  await kit.check('a secret is told to be set and can be kept, replaced or deleted, never seen', async () => {
    await page.getByRole('button', { name: 'Edit pager' }).click()
    await dialog(page).getByText('is set').waitFor()
    assert(!(await page.content()).includes('never-shown-again'), 'the secret is in the page')
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).waitFor({ state: 'detached' })
    const secretOf = async () => (await kit.server.call('GET', 'admin/notifications/transports')).body.transports[0].secrets.signing_key.state
    assert((await secretOf()) === 'set', 'saving without touching it lost the secret')
    await page.getByRole('button', { name: 'Edit pager' }).click()
    await dialog(page).getByRole('button', { name: 'Delete: Key of the signature' }).click()
    await dialog(page).getByText('will be deleted when you save').waitFor()
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).waitFor({ state: 'detached' })
    assert((await secretOf()) === 'unset', 'the secret is still there')
  })

  await kit.check('a test sends a real message and shows what the other side said, how long it took, and the trace', async () => {
    await page.getByRole('button', { name: 'Test pager' }).click()
    await dialog(page).getByRole('button', { name: 'Test', exact: true }).click()
    await dialog(page).locator('[data-test="ok"]').waitFor()
    const text = await dialog(page).locator('[data-test]').innerText()
    assert(/thanks/.test(text) && /\d+ ms/.test(text), text)
    assert(hook.got.at(-1).body.includes('test'), 'no test arrived')
    await dialog(page).getByRole('button', { name: 'Close' }).click()
    await transport(page, 'pager').getByText('sent').waitFor()
  })

  await kit.check('a transport that fails is told on every page', async () => {
    await kit.server.call('PUT', 'admin/notifications/transports/chat', { kind: 'slack', settings: { to: '#ops' }, secrets: { webhook_url: { set: `${hook.url}/bad` } } })
    await kit.server.call('POST', 'admin/notifications/transports/chat/test', {})
    await page.reload()
    await page.getByText('Alerts over chat do not get through.').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'alerts-transports')
  })

  await kit.check('a transport is deleted after a question', async () => {
    await page.getByRole('button', { name: 'Delete chat' }).click()
    await dialog(page).getByRole('button', { name: 'Delete' }).click()
    await transport(page, 'chat').waitFor({ state: 'detached' })
    await page.getByText('Alerts over chat do not get through.').waitFor({ state: 'detached' })
  })

  await kit.check('routes are made, ordered by keys and saved as they are on screen', async () => {
    await page.getByRole('link', { name: 'Routes' }).click()
    for (const [name, jobs, recipients] of [['billing', 'billing-*', 'pager'], ['rest', '', '']]) {
      await page.getByRole('button', { name: 'Add a route' }).click()
      await dialog(page).getByLabel('Name', { exact: true }).fill(name)
      await dialog(page).getByLabel('Jobs').fill(jobs)
      await dialog(page).getByLabel('Recipients').fill(recipients)
      if (name === 'billing') await dialog(page).getByLabel('Quiet hours').check()
      await kit.accessible(page)
      await kit.picture(page, 'alerts-route-dialog')
      await dialog(page).getByRole('button', { name: 'Apply' }).click()
    }
    await page.getByRole('button', { name: 'Edit rest' }).focus()
    await page.keyboard.press('Alt+ArrowUp')
    assert((await order(page)) === 'rest,billing', await order(page))
    await page.getByRole('button', { name: 'Move rest down' }).click()
    assert((await order(page)) === 'billing,rest', await order(page))
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('The routes are changed and not saved.').waitFor({ state: 'detached' })
    const { body } = await kit.server.call('GET', 'admin/notifications/routes')
    assert(body.routes.map((route) => route.name).join() === 'billing,rest' && body.routes[0].quiet_hours.from === '22:00', JSON.stringify(body.routes))
    await kit.accessible(page)
    await kit.picture(page, 'alerts-routes')
  })

  await kit.check('the simulator says who gets what, and by which route', async () => {
    await page.getByRole('combobox', { name: 'Job' }).fill('billing-nightly-rebuild')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Show' }).click()
    await page.getByText('by route billing').waitFor()
    await kit.picture(page, 'alerts-simulator')
  })

  await kit.check('who saved the routes meanwhile is not overwritten unasked', async () => {
    await page.getByRole('switch', { name: 'On: rest' }).click()
    const { body, etag } = await kit.server.call('GET', 'admin/notifications/routes')
    const strip = (route) => Object.fromEntries(Object.entries(route).filter(([, value]) => value !== null))
    await kit.server.call('PUT', 'admin/notifications/routes', { routes: [strip(body.routes[0]), { name: 'theirs' }] }, { 'if-match': etag })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await page.locator('[data-route="theirs"]').waitFor()
    assert((await order(page)) === 'billing,theirs', await order(page))
  })

  await kit.check('leaving with routes that are not saved asks first', async () => {
    await page.getByRole('switch', { name: 'On: theirs' }).click()
    await page.getByRole('link', { name: 'Deliveries', exact: true }).click()
    await dialog(page).getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Discard' }).click()
  })

  await kit.check('a failure becomes a delivery with its attempts, and is sent again', async () => {
    await kit.server.call('PUT', 'admin/notifications/routes', { routes: [{ name: 'all', recipients: ['pager'], group_seconds: 0 }] }, { 'if-match': (await kit.server.call('GET', 'admin/notifications/routes')).etag })
    const run = await kit.server.run('billing-nightly-rebuild')
    await page.goto(new URL('alerts/deliveries', kit.server.url).href)
    await kit.server.reaches(run, 'FAILED')
    const row = page.getByRole('row').filter({ hasText: 'billing-nightly-rebuild' }).filter({ has: page.locator('[data-outcome="SENT"]') }).first()
    await row.waitFor({ timeout: 60_000 })
    await kit.accessible(page)
    await kit.picture(page, 'alerts-deliveries')
    await row.getByRole('button', { name: /^Details/ }).click()
    await dialog(page).getByText('thanks').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'alerts-delivery')
    await dialog(page).getByRole('button', { name: 'Send again' }).click()
    await dialog(page).getByRole('button', { name: /^Delivery \d+/ }).first().click()
    await dialog(page).locator('[data-outcome="SENT"]').first().waitFor()
  })

  await kit.check('a preview shows the message as it would tell of a real run, and sends nothing', async () => {
    await page.goto(new URL('alerts', kit.server.url).href)
    const before = hook.got.length
    await page.getByRole('button', { name: 'Preview pager' }).click()
    await dialog(page).locator('[data-preview="run"]').waitFor()
    const shown = dialog(page).locator('[data-preview]')
    assert((await shown.innerText()).includes('FAILED billing-nightly-rebuild'), await shown.innerText())
    await shown.getByText('Messages have no links').waitFor()
    await kit.accessible(page)
    await kit.picture(page, 'alerts-preview-light')
    await dialog(page).getByLabel('Event').selectOption('no_success')
    await dialog(page).locator('[data-preview="sample"]').getByText('With made-up values').waitFor()
    await dialog(page).getByLabel('Told of the run').fill('no-such-run')
    await dialog(page).getByRole('button', { name: 'Show' }).click()
    await dialog(page).getByText('there is no run `no-such-run`').waitFor()
    await dialog(page).getByRole('button', { name: 'Close' }).click()
    assert(hook.got.length === before, 'something was sent')
  })

  await kit.check('a template that cannot be filled in is told with line and column before it is saved', async () => {
    await page.getByRole('button', { name: 'Edit pager' }).click()
    await dialog(page).getByLabel('Body').fill('{\n  "summary": "${title}",\n  "job": "${jobid}"\n')
    await dialog(page).getByRole('button', { name: 'Preview these values' }).click()
    const failed = page.locator('[data-preview="failed"]')
    await failed.getByText('Line 3, column 11:').waitFor()
    assert((await failed.innerText()).includes('did you mean `${job_id}`?'), await failed.innerText())
    await kit.accessible(page)
    await kit.picture(page, 'alerts-preview-problem')
    await dialog(page).last().getByRole('button', { name: 'Close' }).click()
    await dialog(page).getByLabel('Body').fill('${title}: ${error}')
    await dialog(page).getByRole('button', { name: 'Preview these values' }).click()
    await page.locator('[data-preview="run"]').getByText('text/plain').first().waitFor()
    await dialog(page).last().getByRole('button', { name: 'Close' }).click()
    await dialog(page).getByRole('button', { name: 'Cancel' }).click()
  })

  await kit.check('a mute is made on the job, shown wherever the job stands, holds its messages back, and is ended', async () => {
    const { server } = kit
    await page.goto(new URL('jobs/billing-nightly-rebuild', server.url).href)
    await page.getByRole('button', { name: 'Mute alerts: billing-nightly-rebuild' }).click()
    await dialog(page).getByLabel('Reason').fill('the warehouse moves')
    await kit.accessible(page)
    await dialog(page).getByRole('button', { name: 'Mute alerts' }).click()
    await page.locator('header [data-muted="billing-nightly-rebuild"]').waitFor()
    await kit.picture(page, 'mute-job-light')
    await page.goto(new URL('jobs', server.url).href)
    await page.locator('[data-job="billing-nightly-rebuild"] [data-muted]').waitFor()
    await page.goto(new URL('alerts', server.url).href)
    const listed = page.locator('[data-mute="billing-nightly-rebuild"]')
    await listed.getByText('the warehouse moves').waitFor()
    await kit.picture(page, 'mutes-light')
    await kit.accessible(page)
    const told = (await server.call('POST', 'admin/notifications/routes/simulate', { job: 'billing-nightly-rebuild', event: 'failed' })).body
    assert(told.recipients.every((each) => each.muted_until !== null), JSON.stringify(told))
    await listed.getByRole('button', { name: 'End the mute' }).click()
    await listed.waitFor({ state: 'detached' })
    const left = (await server.call('GET', 'admin/notifications/mutes')).body
    assert(left.mutes.length === 0, JSON.stringify(left))
  })

  await kit.check('filters of the deliveries stand in the address, and a pasted link shows the same', async () => {
    await page.goto(new URL('alerts/deliveries?outcome=FAILED', kit.server.url).href)
    await page.getByText('No delivery fits').or(page.locator('[data-outcome="FAILED"]').first()).first().waitFor()
    assert(await page.locator('[data-outcome="SENT"]').count() === 0, 'a sent one is shown')
    await page.getByLabel('Outcome').selectOption('SENT')
    await page.locator('[data-outcome="SENT"]').first().waitFor()
    assert(new URL(page.url()).searchParams.get('outcome') === 'SENT', page.url())
  })

  await kit.check('the preview fits a narrow screen, in the dark, in French', async () => {
    await kit.with('alerts', async (narrow) => {
      await narrow.getByRole('button', { name: 'Aperçu pager' }).click()
      await dialog(narrow).locator('[data-preview="run"]').waitFor()
      await kit.fits(narrow)
      await kit.accessible(narrow)
      await kit.picture(narrow, 'alerts-preview-narrow-dark-fr')
    }, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' })
  })

  await kit.check('the pages of alerts fit a narrow screen, in the dark, in French', async () => {
    for (const path of ['alerts', 'alerts/routes', 'alerts/deliveries']) {
      await kit.with(path, async (narrow) => {
        await narrow.getByRole('heading', { name: 'Alertes' }).waitFor()
        await narrow.waitForLoadState('networkidle').catch(() => {})
        await kit.fits(narrow)
        await kit.accessible(narrow)
        await kit.picture(narrow, `${path.replace('/', '-')}-narrow-dark-fr`)
      }, { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'fr-FR' })
    }
  })
  await page.context().close()
  hook.close()
}
