/** Every word of the page, in English. A second language is a second object of the type `Strings`; functions do plurals. */

const many = (n: number, one: string, other: string) => `${n.toLocaleString('en')} ${n === 1 ? one : other}`

export const t = {
  product: 'Nomaflow',
  nav: { main: 'Main', jobs: 'Jobs', runs: 'Runs', signOut: 'Sign out', skip: 'Skip to the content' },
  theme: { label: 'Theme', system: 'System', light: 'Light', dark: 'Dark' },
  live: {
    live: 'live', connecting: 'connecting…', signedOut: 'signed out',
    offline: (since: string) => `offline since ${since}`,
    retry: 'Try to reconnect now', hint: 'Changes appear by themselves.', hintOffline: 'What is shown may be out of date.',
  },
  newVersion: 'The server was upgraded.', reloadPage: 'Reload the page',
  signIn: {
    title: 'Sign in', token: 'Access token', submit: 'Sign in', pending: 'Signing in…', denied: 'The server did not accept this token.',
    help: 'The first token was written to', helpFile: 'data/bootstrap.token', helpAfter: 'in the home folder of the server. Only its owner may read it.',
  },
  relative: { now: 'now', justNow: 'just now', ahead: (x: string) => `in ${x}`, ago: (x: string) => `${x} ago` },
  problem: {
    notReached: 'The server did not answer', copy: 'Copy details', copied: 'Copied', retry: 'Try again', hint: 'Hint',
    copyByHand: 'This page may not use the clipboard here: copy the selected text.', crash: 'This page ran into an error',
    notFound: 'There is no such page', toJobs: 'Go to the jobs',
  },
  status: { enabled: 'enabled', disabled: 'disabled', invalid: 'INVALID' },
  jobs: {
    title: 'Jobs', filter: 'Filter jobs', filterHint: 'Filter by id, text or tag ( / )', reload: 'Reload', reloading: 'Reloading…',
    reloadHint: 'Read the job files again', count: (shown: number, all: number) => (shown === all ? many(all, 'job', 'jobs') : `${shown} of ${many(all, 'job', 'jobs')}`),
    reloaded: (jobs: number, errors: number) => errors === 0 ? `${many(jobs, 'job', 'jobs')} read, no problem found.` : `${many(jobs, 'job', 'jobs')} read, ${many(errors, 'problem', 'problems')} found.`,
    none: 'No job is declared yet.', noneHint: 'Write one in plugins/<app>/jobs.toml in the home folder, then press Reload.',
    noMatch: 'No job matches this filter.', clear: 'Clear the filter', manual: 'manual-only', steps: (n: number) => many(n, 'step', 'steps'),
    next: 'next', last: 'last', never: 'never ran', noFire: 'no next fire', lastRunOf: (id: string, status: string) => `Last run of ${id}: ${status}`,
    willNotFire: 'Schedule set, job disabled: it will not fire.', openRun: 'open run',
    stepOf: (done: number, all: number) => `step ${Math.min(done + 1, all)} / ${all}`, streaming: 'log streaming live',
    problems: (n: number) => many(n, 'problem', 'problems'),
  },
  run: {
    now: 'Run now', starting: 'Starting…', busy: 'Busy',
    busyHint: 'One run at a time: this job is running.', invalidHint: 'This job has errors and cannot run.',
    queued: 'Queued', cancel: 'Cancel', cancelOf: (id: string) => `Cancel the run of ${id}`, cancelRun: 'Cancel run', canceling: 'Canceling…',
    alreadyRunning: 'Already running', openIt: 'open it',
  },
  dialog: {
    title: (id: string) => `Run ${id}`, note: 'For this run only. The saved job stays as it is.', logLevel: 'Log level', params: 'Shared parameters', steps: 'Steps',
    levelInfo: 'INFO: row counts and progress marks', levelDebug: 'DEBUG: full SQL, about ten times the lines',
    runStep: (name: string) => `Run step ${name}`, skip: 'skip', all: 'All', noneOf: 'None', reset: 'Reset', resetField: (name: string) => `Reset ${name} to the saved value`,
    changes: 'Changes for this run', noChanges: 'Nothing: runs as saved.', close: 'Cancel', submit: 'Run', fix: 'Mend the marked values first.',
    notNumber: 'not a number', notJson: 'not valid JSON', on: 'on', off: 'off', argument: (step: string, key: string) => `${key} of step ${step}`,
  },
  job: {
    definition: 'Definition', schedule: 'Schedule', timezone: 'Time zone', nextRun: 'Next run', logLevel: 'Log level', timeout: 'Time limit', retry: 'Attempts',
    source: 'Declared in', app: 'App', params: 'Shared parameters', steps: 'Steps', runs: 'Last runs', noRuns: 'This job has not run yet.', allRuns: 'All runs',
    name: 'Name', type: 'Type', what: 'What it does', state: 'State', retryWords: (n: number, backoff: string, base: number) => n <= 1 ? '1, no retry' : `${n}, ${backoff} from ${base} s`,
    arguments: 'arguments', noLimit: 'none', utc: 'UTC',
  },
  problems: { title: 'Problems', error: 'error', warning: 'warning', at: (file: string, line: number | null, column: number | null) => [file, line, column].filter((x) => x !== null).join(':') },
  runs: {
    title: 'Runs', job: 'Job', allJobs: 'All jobs', status: 'State', allStatuses: 'All states', older: 'Older', newest: 'Newest', none: 'No run matches.', noneYet: 'Nothing has run yet.',
    noneHint: 'Start a job from the jobs page, or wait for a schedule to fire.', id: 'Run', trigger: 'Triggered by', started: 'Started', duration: 'Duration', steps: 'Steps', rows: 'Rows', reason: 'Reason', clear: 'Clear the filters', loading: 'Loading…',
  },
  runPage: {
    trigger: 'Triggered by', queued: 'Queued', started: 'Started', elapsed: 'Elapsed', steps: 'Steps', rows: 'Rows', logLevel: 'Log level', owner: 'Runs on', finished: 'Finished',
    params: 'Parameters', overridden: 'changed for this run', cancelAsked: (who: string) => `Cancel requested by ${who}; the running step stops at its next checkpoint.`,
    failedAt: (step: string, attempt: number) => `Step ${step} failed` + (attempt > 1 ? ` on attempt ${attempt}` : ''), showStep: 'Show the step',
    notFound: 'There is no such run', notFoundHint: 'It may have been removed by retention.',
  },
  timeline: {
    label: 'Steps of the run', step: 'step', time: 'time', row: (name: string, status: string, time: string, attempts: number) => [name, status, time, attempts > 1 ? `${attempts} attempts` : ''].filter(Boolean).join(', '),
    unnamed: (n: number) => `step ${n}`, attempts: (n: number) => `${n} attempts`,
  },
  step: {
    attempt: 'Attempt', status: 'State', started: 'Started', duration: 'Duration', rows: 'Rows', error: 'Error', input: 'Input', output: 'Output', usage: 'Usage', none: 'Nothing recorded.', close: 'Close the step',
    retryAt: 'Starts', later: 'Recorded when the step ends.', progress: (name: string) => `Progress of ${name}`, rate: (n: string) => `${n}/s`, detail: 'Detail',
  },
  usage: {
    memory: 'Peak memory', cpu: 'Processor time', wall: 'Wall time', hostCalls: 'Calls of the host', rowsIn: 'Rows in', rowsOut: 'Rows out', component: 'Component',
  },
  log: {
    title: 'Log', lines: (n: number) => many(n, 'line', 'lines'), running: (n: number) => `running, ${many(n, 'line', 'lines')}`, search: 'Search the loaded lines', previous: 'Previous match', nextMatch: 'Next match', level: 'Lowest level shown',
    levels: { DEBUG: 'All levels', INFO: 'INFO and above', WARNING: 'WARNING and above', ERROR: 'ERROR only' },
    follow: 'Follow', following: 'Following', newLines: (n: number) => many(n, 'new line', 'new lines'), empty: 'No line was written yet.', emptyFinal: 'This run wrote no line.', noMatch: 'No loaded line matches.',
    partly: (loaded: number, total: number) => `${loaded.toLocaleString('en')} of ${total.toLocaleString('en')} lines loaded`, loadMore: 'Load more', failed: 'The log could not be read.', retry: 'Try again', hits: (at: number, n: number) => `${at} / ${n}`, shown: (n: number) => many(n, 'line shown', 'lines shown'),
  },
}


