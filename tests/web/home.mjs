/**
 * A home folder with jobs of every kind the page has to show, and a server on it. The jobs are the seeds' own in shape:
 * chains of copies, a security refresh with shared parameters, a failing one, a paused one, one that waits to be let go.
 * A gate is a file: a step waits until it is there, so that no test depends on how fast the machine is.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const START_MS = 60_000

const steps = (names, callable) => names.map((name) => `
[[jobs.steps]]
name = "${name}"
type = "python"
callable = "${callable}"
`).join('')

const SECURITY = ['JDE_OBJECTS', 'JDE_OBJECTS_VERSIONS', 'JDE_SEC_OBJECTS', 'JDE_SEC_MENUS', 'JDE_TASKS', 'JDE_MENUS', 'SECURITY_USERS', 'SECURITY_USERS_DATA', 'SECURITY_ROLES',
  'SECURITY_ASSIGNMENTS', 'SECURITY_MENUS', 'SECURITY_RIGHTS_MENUS', 'SECURITY_RIGHTS_APPS', 'SECURITY_RIGHTS_ACTIONS', 'SECURITY_RIGHTS_APPS_USERS', 'SECURITY_RIGHTS_AUDIT', 'REFRESH_VIEWS']

const jobs = `
[[jobs]]
id = "nomajde-daily-sync"
description = "Daily sync of JDE control + data dictionary tables to Nomajde."
tags = ["jde-sync", "etl"]
schedule = "30 2 * * *"
timezone = "Europe/Paris"
${steps(['F0004', 'F0005', 'F0010', 'F9200', 'F9202', 'F9203', 'F9210'], 'shop.work:copy')}

[[jobs]]
id = "nomasx1-security-1"
description = "Refresh nomasx1 SECURITY tables for apps_id 10."
tags = ["security", "etl"]
params = { apps_id = 10, target_connector = "ops", dry_run = false }
${steps(SECURITY, 'shop.work:copy')}

[[jobs]]
id = "nomasx1-audit-trail-1"
description = "Collects the audit trail of the last day."
tags = ["security", "legal"]
schedule = "*/15 * * * *"
enabled = false
${steps(['AUDIT_TRAIL'], 'shop.work:copy')}

[[jobs]]
id = "billing-nightly-rebuild"
description = "Rebuilds the billing totals and VAT of the previous month."
tags = ["billing", "nightly"]
schedule = "0 2 * * *"
timezone = "America/New_York"
retry = { attempts = 2, backoff = "fixed", base_seconds = 1 }
[[jobs.steps]]
name = "read-orders"
type = "sql_query"
connector = "ops"
query = "select 1 as one"
[[jobs.steps]]
name = "rebuild"
type = "python"
callable = "shop.work:fails"
op_kwargs = { month = "2026-10", tenants = ["north", "south"] }
[[jobs.steps]]
name = "publish"
type = "sql_query"
connector = "ops"
query = "select 2 as two"

[[jobs]]
id = "quick-check"
description = "One step without parameters: fires at once."
tags = ["hourly"]
${steps(['CHECK'], 'shop.work:copy')}

[[jobs]]
id = "waits-at-the-gate"
description = "Waits until it is let go."
tags = ["maintenance"]
${steps(['GATE'], 'shop.work:gate')}

[[jobs]]
id = "waits-in-the-middle"
description = "Three steps; the second waits until it is let go."
tags = ["maintenance"]
[[jobs.steps]]
name = "BEFORE"
type = "python"
callable = "shop.work:copy"
[[jobs.steps]]
name = "MIDDLE"
type = "python"
callable = "shop.work:gate"
[[jobs.steps]]
name = "AFTER"
type = "python"
callable = "shop.work:copy"

[[jobs]]
id = "writes-a-long-log"
description = "Writes as many lines as asked for."
tags = ["maintenance"]
params = { lines = 500, per_second = 0 }
[[jobs.steps]]
name = "TALK"
type = "python"
callable = "shop.work:talk"
[[jobs.steps]]
name = "GOODBYE"
type = "python"
callable = "shop.work:copy"

[[jobs]]
id = "writes-wide-lines"
description = "Writes lines of every length."
${steps(['WIDE'], 'shop.work:wide')}
`

const broken = `
[[jobs]]
id = "broken-import"
description = "Has an error in its schedule."
schedule = "61 * * * *"
[[jobs.steps]]
name = "read"
type = "sql_query"
connector = "jdedwards"
query = "select 1"
`

const work = (home) => `
import pathlib, random, time
from typing import Annotated

GATES = pathlib.Path(${JSON.stringify(join(home, 'gates'))})

def copy(ctx):
    """Copies one table."""
    ctx.log.info("copy %s started", ctx.step)
    time.sleep(0.03)
    ctx.log.debug("select * from %s", ctx.step)
    rows = 100 + len(ctx.step)
    ctx.log.info("\\x1b[32mcopied\\x1b[0m %d rows, see https://example.com/%s for the plan", rows, ctx.step)
    return {"rows_affected": rows}

def tidy(ctx, wipe: Annotated[bool, "destructive"] = False):
    """Tidies up, and from the ground when asked to."""
    return {"rows_affected": 100 if wipe else 1}

def stubborn(ctx):
    """Blocks, and heeds no cancel."""
    ctx.log.info("not listening")
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass

def fails(ctx, month: str, tenants: list):
    """Fails on purpose, after a warning."""
    ctx.log.warning("month %s has %d tenants", month, len(tenants))
    raise ValueError("the totals of north and south differ by 12.50")

def gate(ctx):
    """Waits for the file that lets the step go."""
    ctx.log.info("waiting at the gate")
    n = 0
    while not (GATES / ctx.run_id).exists():
        time.sleep(0.05)
        n += 1
        ctx.progress(n, 1000, "at the gate")
    ctx.log.info("let go")
    return {"rows_affected": 1}

def wide(ctx):
    """Writes lines of every length and of every kind of character."""
    kinds = ["x", "word ", "a-b/c,", "\\t1", "é", "漢", "😀 ", "\\x1b[31mred\\x1b[0m ", "Привет "]
    for n in range(1, 2501):
        ctx.log.info("%d %s", n, kinds[n % len(kinds)] * (n * 37 % 211))
    ctx.log.info("the long one: %s", "0123456789" * 900)

def takes_more(ctx, lines: int = 7, **more):
    """Takes what it knows, and anything else."""
    ctx.log.info("%d lines, and %s", lines, more)

def talk(ctx, lines: int = 500, per_second: int = 0):
    """Writes that many lines, every hundredth a warning and every thousandth an error."""
    levels = ctx.log
    begin = time.monotonic()
    for n in range(1, lines + 1):
        if n % 1000 == 0:
            levels.error("chunk %d: ORA-01555 snapshot too old", n)
        elif n % 100 == 0:
            levels.warning("chunk %d is slow", n)
        else:
            levels.info("copy chunk seq=%d rows=%d bytes=%d checksum=%08x", n, n % 997, n * 37 % 65536, n * 2654435761 % 2**32)
        if per_second:
            ahead = n / per_second - (time.monotonic() - begin)
            if ahead > 0.01:
                time.sleep(ahead)
    return {"rows_affected": lines}
`

/** Makes the folder. \`more\` adds that many plain jobs for the tests of size. */
export function makeHome(program, { more = 0 } = {}) {
  const home = mkdtempSync(join(tmpdir(), 'nomaflow-page-'))
  const app = join(home, 'plugins/shop')
  mkdirSync(join(app, 'shop'), { recursive: true })
  mkdirSync(join(home, 'gates'))
  const extra = Array.from({ length: more }, (_, i) => `
[[jobs]]
id = "family-${String(i % 9)}-${String(i).padStart(3, '0')}"
description = "Job number ${i} of a large catalogue."
tags = ["family-${i % 9}", "${i % 2 ? 'hourly' : 'nightly'}"]
schedule = "${i % 60} ${i % 24} * * *"
${steps(['ONE', 'TWO'], 'shop.work:copy')}`).join('')
  writeFileSync(join(app, 'jobs.toml'), jobs + extra)
  writeFileSync(join(app, 'shop/__init__.py'), '')
  writeFileSync(join(app, 'shop/work.py'), work(home))
  writeFileSync(join(home, 'connectors.toml'), '[pools.ops]\nurl = "sqlite:data/ops.db"\n[connectors.ops]\ntype = "sql"\n')
  mkdirSync(join(home, 'data'))
  writeFileSync(join(home, 'data/ops.db'), '')
  return home
}

export function removeHome(home) {
  rmSync(home, { recursive: true, force: true })
}

/** Adds an app whose only job has an error; `fix` writes it without. */
export function breakCatalogue(home) {
  mkdirSync(join(home, 'plugins/broken'), { recursive: true })
  writeFileSync(join(home, 'plugins/broken/jobs.toml'), broken)
  return { mend: () => rmSync(join(home, 'plugins/broken'), { recursive: true, force: true }) }
}

/** Lets a waiting run go. */
export function letGo(home, run) {
  writeFileSync(join(home, 'gates', run), '')
}

async function until(condition, what) {
  const deadline = Date.now() + START_MS
  for (;;) {
    if (await condition()) return
    if (Date.now() > deadline) throw new Error(`waited too long for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Runs the program. What the caller's shell says about another server must not change this one. */
function start(program, args, out) {
  const env = { ...process.env }
  for (const name of Object.keys(env)) if (/^(NOMAFLOW|LIBERTY)_/.test(name) && name !== 'NOMAFLOW_PYTHON_INTERPRETER') delete env[name]
  return spawn(program, args, { stdio: ['ignore', out, out], env })
}

/** Ends a process that was started here, hard when it does not end by itself. */
function end(child, signal = 'SIGTERM') {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    const hard = setTimeout(() => child.kill('SIGKILL'), 30_000)
    child.once('exit', () => {
      clearTimeout(hard)
      resolve()
    })
    child.kill(signal)
  })
}

/** Starts a process beside the server that takes up the runs of a label, and waits until it is known. */
export async function startWorker(program, server, label) {
  const args = ['--home', server.home, 'serve', '--role', 'worker', '--label', label]
  const child = start(program, args, openSync(join(server.home, 'data/worker.log'), 'a'))
  await until(async () => (await server.call('GET', 'admin/scheduler')).body.replicas.some((each) => each.labels.includes(label)), 'the worker')
  return { signal: (name) => child.kill(name), stop: () => end(child) }
}

/** Starts a server on a free port, or on the one it had. */
export async function startServer(program, home, listen = '127.0.0.1:0') {
  const log = join(home, 'data/server.log')
  const address = join(home, 'data/server.address')
  rmSync(address, { force: true })
  const out = openSync(log, 'a')
  const child = start(program, ['--home', home, 'serve', '--listen', listen], out)
  let exited = false
  child.once('exit', () => { exited = true })
  await until(() => {
    if (exited) throw new Error(`the server did not start:\n${readFileSync(log, 'utf8').slice(-2000)}`)
    return existsSync(address) && readFileSync(address, 'utf8').endsWith('\n')
  }, 'the server')
  const url = readFileSync(address, 'utf8').split('\n')[0].replace(/\/?$/, '/')
  const token = readFileSync(join(home, 'data/bootstrap.token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  /** Asks the server as somebody else would: past the page. */
  const call = async (method, path, body, more = {}) => {
    const response = await fetch(new URL(path, url), { method, headers: { ...headers, ...more }, body: body === undefined ? null : JSON.stringify(body) })
    const text = await response.text()
    return { status: response.status, etag: response.headers.get('etag'), body: text && response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text }
  }
  return {
    url, token, home, call, listen: new URL(url).host,
    /** Starts a run and answers with its id. */
    async run(job, body = {}) {
      const { status, body: answer } = await call('POST', `admin/jobs/${job}/run`, body)
      if (status !== 202) throw new Error(`${job} did not start: ${status} ${JSON.stringify(answer)}`)
      return answer.run_id
    },
    /** Waits until a run is in one of the states. */
    async reaches(run, ...states) {
      await until(async () => states.includes((await call('GET', `admin/jobs/runs/${run}`)).body.run?.status), `${run} to be ${states}`)
    },
    stop: (signal) => end(child, signal),
  }
}
