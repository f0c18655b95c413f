/**
 * Runs the browser tests against the real program with homes of its own: `node tests/web/run.mjs [file …]`.
 * Environment: NOMAFLOW_BIN (the program), NOMAFLOW_SHOTS (folder for pictures, optional), CHROMIUM (the browser,
 * default /usr/bin/chromium). Needs `npm ci` in `web`. Prints one line per check and ends with 1 when one failed.
 */
import { makeHome, removeHome, startServer } from './home.mjs'
import { Kit } from './kit.mjs'

const FILES = [
  'access', 'session', 'shell', 'catalogue', 'dialog', 'job', 'editor', 'runs', 'onerun', 'log', 'search', 'schedule', 'plugins', 'connectors',
  'alerts', 'health', 'settings', 'looks', 'measures',
]

const program = process.env.NOMAFLOW_BIN
if (!program) {
  console.error('the variable NOMAFLOW_BIN is not set')
  process.exit(2)
}
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !FILES.includes(name))
if (unknown.length > 0) {
  console.error(`there is no test file ${unknown.join(', ')}; there are ${FILES.join(', ')}`)
  process.exit(2)
}

let failed = 0
for (const name of FILES.filter((each) => wanted.length === 0 || wanted.includes(each))) {
  const { default: body, options = {} } = await import(`./${name}.mjs`)
  const home = makeHome(program, options)
  let server
  let kit
  try {
    server = await startServer(program, home)
    kit = await Kit.launch(server, process.env.NOMAFLOW_SHOTS)
    await body(kit)
    await kit.check(`${name}: no error on the console`, async () => {
      if (kit.complaints.length > 0) throw new Error(kit.complaints.slice(0, 5).join(' | '))
    })
    failed += kit.failed
  } catch (error) {
    failed += 1
    console.log(`not ok ${name}: ${String(error.stack ?? error).split('\n').slice(0, 3).join(' | ')}`)
  } finally {
    await kit?.browser.close()
    await server?.stop()
    removeHome(home)
  }
}
process.exit(failed === 0 ? 0 : 1)
