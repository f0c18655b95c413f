/**
 * Runs the browser tests against the real program with homes of its own: `node tests/web/run.mjs [file …]`.
 * Environment: NOMAFLOW_BIN (the program), NOMAFLOW_SHOTS (folder for pictures, optional), CHROMIUM (the browser,
 * default /usr/bin/chromium), NOMAFLOW_WEB_LANES (files that run side by side, default 2, or 1 on a single core). Needs
 * `npm ci` in `web`. Prints one line per check, file by file, and ends with 1 when one failed.
 *
 * Each lane has a browser of its own, for a browser has one clipboard; each file has a home and a server of its own. What is
 * measured is measured alone, after everything else.
 */
import { availableParallelism } from 'node:os'
import { makeHome, removeHome, startServer } from './home.mjs'
import { Kit, launch } from './kit.mjs'

/** Those that take long come first, so that the lanes end together. */
const FILES = [
  'looks', 'editor', 'sql', 'catalogue', 'settings', 'schedule', 'log', 'shell', 'session', 'alerts', 'connectors', 'plugins', 'health', 'cards', 'fields', 'dialog', 'onerun', 'job', 'runs', 'search', 'access', 'anywhere',
]
const ALONE = ['measures']

const program = process.env.NOMAFLOW_BIN
if (!program) {
  console.error('the variable NOMAFLOW_BIN is not set')
  process.exit(2)
}
const all = [...FILES, ...ALONE]
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`there is no test file ${unknown.join(', ')}; there are ${all.join(', ')}`)
  process.exit(2)
}
const chosen = (names) => names.filter((name) => wanted.length === 0 || wanted.includes(name))

let failed = 0

/** One file from its home to its last check; its lines come out together. */
async function runFile(name, browser) {
  const { default: body, options = {} } = await import(`./${name}.mjs`)
  const home = makeHome(program, options)
  const lines = []
  // Several files side by side each speak when they are done.
  const say = wanted.length === 1 ? console.log : (line) => lines.push(line)
  const began = Date.now()
  let server
  let kit
  try {
    server = await startServer(program, home)
    kit = new Kit(browser, server, process.env.NOMAFLOW_SHOTS, say)
    await body(kit)
    await kit.check(`${name}: no error on the console`, async () => {
      if (kit.complaints.length > 0) throw new Error(kit.complaints.slice(0, 5).join(' | '))
    })
    failed += kit.failed
  } catch (error) {
    failed += 1
    say(`not ok ${name}: ${String(error.stack ?? error).split('\n').slice(0, 3).join(' | ')}`)
  } finally {
    await kit?.close()
    await server?.stop()
    removeHome(home)
    console.log([...lines, `# ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`].join('\n'))
  }
}

/** Takes files until there are none left. */
async function lane(waiting) {
  if (waiting.length === 0) return
  let browser = await launch()
  for (let name = waiting.shift(); name; name = waiting.shift()) {
    // A browser that has crashed takes one file with it, not all that follow.
    if (!browser.isConnected()) browser = await launch()
    await runFile(name, browser)
  }
  await browser.close()
}

const lanes = Number(process.env.NOMAFLOW_WEB_LANES) || Math.min(2, availableParallelism())
const waiting = chosen(FILES)
await Promise.all(Array.from({ length: lanes }, () => lane(waiting)))
await lane(chosen(ALONE))
process.exit(failed === 0 ? 0 : 1)
