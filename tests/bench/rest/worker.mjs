// Adds so many empty jobs to graphile-worker and prints the seconds until all are done. Run by run.py.
import { Logger, run, runMigrations } from 'graphile-worker'

const [connectionString, count] = [process.argv[2], Number(process.argv[3])]
const logger = new Logger(() => () => {})
await runMigrations({ connectionString, logger })
let left = count
let finish
const done = new Promise((resolve) => { finish = resolve })
const task = async () => { if (--left === 0) finish() }
const runner = await run({ connectionString, concurrency: 64, maxPoolSize: 16, pollInterval: 100, taskList: { nothing: task }, noHandleSignals: true, logger, crontab: '' })
const began = performance.now()
// Sixteen at once, as many as there are connections.
let next = 0
const add = async () => { while (next++ < count) await runner.addJob('nothing', {}) }
await Promise.all(Array.from({ length: 16 }, add))
await done
console.log((performance.now() - began) / 1000)
await runner.stop()
process.exit(0)
