/** The words of the health page. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  title: 'Health',
  states: { good: 'Schedules fire', paused: 'Schedules are paused', idle: 'Schedules do not fire', bad: 'Something is wrong' },
  heldBy: (name: string) => `by ${name}`, pausedBy: (name: string) => `paused by ${name}`, nobody: 'no process has the scheduler', armed: (n: number) => manyEn(n, 'job', 'jobs'), inFlight: (n: number) => manyEn(n, 'run in flight', 'runs in flight'), nextFire: 'next fire',
  pause: 'Pause schedules', pausing: 'Pausing…', pauseTitle: 'Pause all schedules?', pauseHint: 'Nothing fires by itself until somebody resumes; manual runs go on, and so do runs that have begun. What comes due meanwhile is missed, and recorded so.', reason: 'Reason', reasonHint: 'Everybody sees it, and it stands at every fire that is missed.',
  until: 'Until', untilHint: 'Empty: until somebody resumes. With an end it is a maintenance window from now on: what is due in it is skipped.',
  resume: 'Resume schedules', resuming: 'Resuming…', resumed: 'Resumed', since: 'since', because: 'Reason',
  problems: 'What to look at', notes: 'Good to know', checks: 'Checks', check: 'Check', state: 'State', what: 'What it means',
  pool: (idle: number, size: number, waiting: number) => `${idle} of ${size} connections free, ${waiting} waiting.`, ok: 'fine', bad: 'trouble', look: 'look', store: 'Store', storeOk: (dialect: string) => `${dialect} answers.`, storeBad: (dialect: string) => `${dialect} does not answer: nothing is fired or recorded until it does. Runs that have begun wait with their records.`,
  catalogue: 'Catalogue', catalogueOk: (n: number) => `${manyEn(n, 'job', 'jobs')}, all valid.`, catalogueBad: (n: number) => `${manyEn(n, 'job does', 'jobs do')} not load and will not run.`, toInvalid: 'Show them',
  stream: 'Live stream', streamOk: 'Changes arrive by themselves.', streamBad: 'Changes do not arrive: this page may be behind.', clock: 'Clock', clockOk: (ms: number) => `This browser and the server differ by ${ms} ms.`, clockBad: (s: number) => `This browser's clock is ${s} s off; times here follow the server.`,
  alerts: 'Alerts', alertsOk: (n: number) => `${manyEn(n, 'transport', 'transports')}, none failing.`, alertsNone: 'There is no transport: nobody is told of failures.', alertsBad: (names: string) => `Messages over ${names} do not get through.`, toAlerts: 'Alerts',
  versions: 'Versions', versionsOk: (version: string) => `Every process is ${version}.`, versionsBad: (list: string) => `Processes of different versions share the store: ${list}. Fine during an upgrade, not longer.`,
  scheduler: 'Scheduler', schedulerOk: (holder: string, term: number) => `${holder} has the lease (term ${term}).`, schedulerError: 'The scheduler of this process has stopped; its log says why.', schedulerNone: 'No process asks for it: set jobs.scheduler_enabled on one.', schedulerOff: 'This process does not ask for it (jobs.scheduler_enabled = false).',
  lost: 'Lost in a restart', lostHint: 'These runs ended because their process did. Run them again if their work is still wanted.', lostMore: 'All of them',
  replicas: (n: number) => manyEn(n, 'process', 'processes'), name: 'Name', role: 'Role', version: 'Version', asks: 'Scheduler', asksYes: 'asks', asksNo: 'does not ask', holds: 'has the lease', runs: 'Runs', seen: 'Last sign of life', up: 'Up since', answers: 'answers you', quiet: 'no sign of life', labels: 'Labels', noReplicas: 'No process is known: the store does not answer.',
}

const fr: typeof en = {
  title: 'Santé',
  states: { good: 'Les planifications se déclenchent', paused: 'Les planifications sont suspendues', idle: 'Les planifications ne se déclenchent pas', bad: 'Quelque chose ne va pas' },
  heldBy: (name) => `par ${name}`, pausedBy: (name) => `suspendues par ${name}`, nobody: 'aucun processus n’a le planificateur', armed: (n) => manyFr(n, 'job', 'jobs'), inFlight: (n) => manyFr(n, 'exécution en cours', 'exécutions en cours'), nextFire: 'prochain déclenchement',
  pause: 'Suspendre les planifications', pausing: 'Suspension…', pauseTitle: 'Suspendre toutes les planifications ?', pauseHint: 'Rien ne se déclenche de soi-même jusqu’à la reprise ; les exécutions manuelles et celles qui ont commencé continuent. Ce qui vient à échéance entre-temps est manqué, et noté ainsi.', reason: 'Raison', reasonHint: 'Tout le monde la voit, et elle figure à chaque déclenchement manqué.',
  until: 'Jusqu’à', untilHint: 'Vide : jusqu’à ce que quelqu’un reprenne. Avec une fin, c’est une période de maintenance dès maintenant : ce qui y est prévu est sauté.',
  resume: 'Reprendre les planifications', resuming: 'Reprise…', resumed: 'Reprises', since: 'depuis', because: 'Raison',
  problems: 'À regarder', notes: 'Bon à savoir', checks: 'Contrôles', check: 'Contrôle', state: 'État', what: 'Ce que cela veut dire',
  pool: (idle, size, waiting) => `${idle} connexions sur ${size} libres, ${waiting} en attente.`, ok: 'bien', bad: 'problème', look: 'à voir', store: 'Base', storeOk: (dialect) => `${dialect} répond.`, storeBad: (dialect) => `${dialect} ne répond pas : rien n’est déclenché ni enregistré jusque-là. Les exécutions commencées attendent avec leurs enregistrements.`,
  catalogue: 'Catalogue', catalogueOk: (n) => `${manyFr(n, 'job', 'jobs')}, tous valides.`, catalogueBad: (n) => `${manyFr(n, 'job ne se charge', 'jobs ne se chargent')} pas et ne s’exécutera pas.`, toInvalid: 'Les montrer',
  stream: 'Flux en direct', streamOk: 'Les changements arrivent d’eux-mêmes.', streamBad: 'Les changements n’arrivent pas : cette page peut être en retard.', clock: 'Horloge', clockOk: (ms) => `Ce navigateur et le serveur diffèrent de ${ms} ms.`, clockBad: (s) => `L’horloge de ce navigateur est décalée de ${s} s ; les heures d’ici suivent le serveur.`,
  alerts: 'Alertes', alertsOk: (n) => `${manyFr(n, 'canal', 'canaux')}, aucun en échec.`, alertsNone: 'Il n’y a aucun canal : personne n’est prévenu des échecs.', alertsBad: (names) => `Les messages par ${names} ne passent pas.`, toAlerts: 'Alertes',
  versions: 'Versions', versionsOk: (version) => `Tous les processus sont en ${version}.`, versionsBad: (list) => `Des processus de versions différentes partagent la base : ${list}. Bien pendant une mise à jour, pas au-delà.`,
  scheduler: 'Planificateur', schedulerOk: (holder, term) => `${holder} a le bail (terme ${term}).`, schedulerError: 'Le planificateur de ce processus s’est arrêté ; son journal dit pourquoi.', schedulerNone: 'Aucun processus ne le demande : activez jobs.scheduler_enabled sur l’un d’eux.', schedulerOff: 'Ce processus ne le demande pas (jobs.scheduler_enabled = false).',
  lost: 'Perdues dans un redémarrage', lostHint: 'Ces exécutions ont fini parce que leur processus a fini. Relancez-les si leur travail est encore voulu.', lostMore: 'Toutes',
  replicas: (n) => manyFr(n, 'processus', 'processus'), name: 'Nom', role: 'Rôle', version: 'Version', asks: 'Planificateur', asksYes: 'demande', asksNo: 'ne demande pas', holds: 'a le bail', runs: 'Exécutions', seen: 'Dernier signe de vie', up: 'Depuis', answers: 'vous répond', quiet: 'aucun signe de vie', labels: 'Étiquettes', noReplicas: 'Aucun processus connu : la base ne répond pas.',
}

export const t = pick(en, fr)
