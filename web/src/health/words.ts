/** The words of the health page. */
import { manyEn, manyFr, pick } from '../i18n'
import type { CheckName } from '../api/wire'
import type { RemarkWords } from './health'

const enRemarks: RemarkWords = {
  'store-silent': () => 'The store does not answer.',
  'scheduler-stopped': () => 'The scheduler of this process has stopped; its log says why.',
  'part-broke': ({ what }) => `A part of this process broke and stays so until it is restarted: ${what}`,
  'lease-unheld': ({ process, asking }) => `Nobody holds the scheduler’s lease, although ${process}${asking > 1 ? ` and ${asking - 1} more ask` : ' asks'} for it.`,
  'lease-holder-silent': ({ holder }) => `The scheduler’s lease is with ${holder}, which gives no sign of life.`,
  'label-missing': ({ label, waiting }) => `${manyEn(waiting, 'run waits', 'runs wait')} for a process with the label ${label}, and there is none.`,
  'scheduler-unasked': () => 'No process asks for the scheduler: schedules do not fire.',
  'scheduler-shared': ({ holder, asking }) => `${asking} processes ask for the scheduler; ${holder} has it.`,
}

const en = {
  title: 'Health',
  states: { good: 'Schedules fire', paused: 'Schedules are paused', idle: 'Schedules do not fire', bad: 'Something is wrong' },
  heldBy: (name: string) => `by ${name}`, pausedBy: (name: string) => `paused by ${name}`, nobody: 'no process has the scheduler', armed: (n: number) => manyEn(n, 'job', 'jobs'), inFlight: (n: number) => manyEn(n, 'run in flight', 'runs in flight'), nextFire: 'next fire',
  pause: 'Pause schedules', pausing: 'Pausing…', pauseTitle: 'Pause all schedules?', pauseHint: 'Nothing fires by itself until somebody resumes; manual runs go on, and so do runs that have begun. What comes due meanwhile is missed, and recorded so.', reason: 'Reason', reasonHint: 'Everybody sees it, and it stands at every fire that is missed.',
  until: 'Until', untilHint: 'Empty: until somebody resumes. With an end it is a maintenance window from now on: what is due in it is skipped.',
  resume: 'Resume schedules', resuming: 'Resuming…', resumed: 'Resumed', since: 'since', because: 'Reason',
  problems: 'What to look at', notes: 'Good to know', checks: 'Checks', check: 'Check', state: 'State', what: 'What it means',
  pool: (idle: number, size: number, waiting: number) => `${idle} of ${size} connections free, ${waiting} waiting.`, ok: 'fine', bad: 'trouble', look: 'look', storeOk: (dialect: string, ms: string) => `${dialect} answers in ${ms} ms.`, storeSlow: 'That is slow: look at its disk, its load and the way to it.', storeBad: (dialect: string) => `${dialect} does not answer: nothing is fired or recorded until it does. Runs that have begun wait with their records.`,
  catalogueOk: (n: number) => `${manyEn(n, 'job', 'jobs')}, all valid.`, catalogueBad: (n: number) => `${manyEn(n, 'job does', 'jobs do')} not load and will not run.`, toInvalid: 'Show them',
  stream: 'Live stream of this page', streamOk: 'Changes arrive by themselves.', streamBad: 'Changes do not arrive: this page may be behind.', clock: 'Clock of this browser', clockOk: (ms: number) => `This browser and the server differ by ${ms} ms.`, clockBad: (s: number) => `This browser's clock is ${s} s off; times here follow the server.`,
  alerts: 'Alerts', alertsOk: (n: number) => `${manyEn(n, 'transport', 'transports')}, none failing.`, alertsNone: 'There is no transport: nobody is told of failures.', alertsBad: (names: string) => `Messages over ${names} do not get through.`, toAlerts: 'Alerts',
  versionsOk: (version: string) => `Every process is ${version}.`, versionsBad: (list: string) => `Processes of different versions share the store: ${list}. Fine during an upgrade, not longer.`,
  schedulerOk: (holder: string, term: number) => `${holder} has the lease (term ${term}).`, schedulerError: 'The scheduler of this process has stopped; its log says why.', schedulerNone: 'No process asks for it: set jobs.scheduler_enabled on one.', schedulerOff: 'This process does not ask for it (jobs.scheduler_enabled = false).',
  lost: 'Lost in a restart', lostHint: 'These runs ended because their process did. Run them again if their work is still wanted.', lostMore: 'All that were ever lost', lostAgain: 'Run these again…', lostWords: 'Runs that were lost the last time a process ended.',
  replicas: (n: number) => manyEn(n, 'process', 'processes'), name: 'Name', role: 'Role', version: 'Version', asks: 'Scheduler', asksYes: 'asks', asksNo: 'does not ask', holds: 'has the lease', runs: 'Runs', seen: 'Last sign of life', up: 'Up since', answers: 'answers you', quiet: 'no sign of life', labels: 'Labels', noReplicas: 'No process is known: the store does not answer.',
  names: { store: 'Store', scheduler: 'Scheduler', schedules: 'Schedules', catalogue: 'Catalogue', plugins: 'Plugins', versions: 'Versions', clocks: 'Clocks of the processes', disk: 'Disk', streams: 'Listeners', backup: 'Backup' } satisfies Record<CheckName, string>,
  so: 'since', schedulesOk: (n: number) => `${manyEn(n, 'schedule', 'schedules')} armed.`, toSchedule: 'Schedule', pluginsOk: 'Every plugin that is there loads.', pluginsBad: (n: number) => `${manyEn(n, 'file does', 'files do')} not load:`, toPlugins: 'Plugins',
  clocksOk: 'No process is ahead of the one that answers.', clocksBad: (s: number) => `Up to ${s} s ahead of the process that answers; let all machines follow a time server:`,
  diskOk: (size: string) => `${size} free where the home keeps its data.`, diskBad: (size: string) => `Only ${size} free where the home keeps its data: make room, or keep less history (jobs.history_days).`, diskUnknown: 'The free space cannot be told: is the home still there?',
  streamsOk: (n: number) => `${manyEn(n, 'page or command listens', 'pages and commands listen')} to the process that answers.`, backupLast: 'The last one was taken', backupOld: 'That is long ago for a server that runs every night.', backupNone: 'The audit trail knows of none', exportLast: 'the catalogue was exported', exportNone: 'the catalogue was never exported', toBackup: 'Backup',
  remarks: enRemarks,
  bundle: 'Diagnostic bundle', bundling: 'Collecting…', bundled: 'Handed to the browser', bundleHint: 'Settings, versions, health and the last lines of the log, without secrets, in one file',
}

const fr: typeof en = {
  title: 'Santé',
  states: { good: 'Les planifications se déclenchent', paused: 'Les planifications sont suspendues', idle: 'Les planifications ne se déclenchent pas', bad: 'Quelque chose ne va pas' },
  heldBy: (name) => `par ${name}`, pausedBy: (name) => `suspendues par ${name}`, nobody: 'aucun processus n’a le planificateur', armed: (n) => manyFr(n, 'job', 'jobs'), inFlight: (n) => manyFr(n, 'exécution en cours', 'exécutions en cours'), nextFire: 'prochain déclenchement',
  pause: 'Suspendre les planifications', pausing: 'Suspension…', pauseTitle: 'Suspendre toutes les planifications ?', pauseHint: 'Rien ne se déclenche de soi-même jusqu’à la reprise ; les exécutions manuelles et celles qui ont commencé continuent. Ce qui vient à échéance entre-temps est manqué, et noté ainsi.', reason: 'Raison', reasonHint: 'Tout le monde la voit, et elle figure à chaque déclenchement manqué.',
  until: 'Jusqu’à', untilHint: 'Vide : jusqu’à ce que quelqu’un reprenne. Avec une fin, c’est une période de maintenance dès maintenant : ce qui y est prévu est sauté.',
  resume: 'Reprendre les planifications', resuming: 'Reprise…', resumed: 'Reprises', since: 'depuis', because: 'Raison',
  problems: 'À regarder', notes: 'Bon à savoir', checks: 'Contrôles', check: 'Contrôle', state: 'État', what: 'Ce que cela veut dire',
  pool: (idle, size, waiting) => `${idle} connexions sur ${size} libres, ${waiting} en attente.`, ok: 'bien', bad: 'problème', look: 'à voir', storeOk: (dialect, ms) => `${dialect} répond en ${ms} ms.`, storeSlow: 'C’est lent : voyez son disque, sa charge et le chemin jusqu’à elle.', storeBad: (dialect) => `${dialect} ne répond pas : rien n’est déclenché ni enregistré jusque-là. Les exécutions commencées attendent avec leurs enregistrements.`,
  catalogueOk: (n) => `${manyFr(n, 'job', 'jobs')}, tous valides.`, catalogueBad: (n) => `${manyFr(n, 'job ne se charge', 'jobs ne se chargent')} pas : rien n’en sera exécuté.`, toInvalid: 'Les montrer',
  stream: 'Flux en direct de cette page', streamOk: 'Les changements arrivent d’eux-mêmes.', streamBad: 'Les changements n’arrivent pas : cette page peut être en retard.', clock: 'Horloge de ce navigateur', clockOk: (ms) => `Ce navigateur et le serveur diffèrent de ${ms} ms.`, clockBad: (s) => `L’horloge de ce navigateur est décalée de ${s} s ; les heures d’ici suivent le serveur.`,
  alerts: 'Alertes', alertsOk: (n) => `${manyFr(n, 'canal', 'canaux')}, aucun en échec.`, alertsNone: 'Il n’y a aucun canal : personne n’est prévenu des échecs.', alertsBad: (names) => `Les messages par ${names} ne passent pas.`, toAlerts: 'Alertes',
  versionsOk: (version) => `Tous les processus sont en ${version}.`, versionsBad: (list) => `Des processus de versions différentes partagent la base : ${list}. Bien pendant une mise à jour, pas au-delà.`,
  schedulerOk: (holder, term) => `${holder} a le bail (terme ${term}).`, schedulerError: 'Le planificateur de ce processus s’est arrêté ; son journal dit pourquoi.', schedulerNone: 'Aucun processus ne le demande : activez jobs.scheduler_enabled sur l’un d’eux.', schedulerOff: 'Ce processus ne le demande pas (jobs.scheduler_enabled = false).',
  lost: 'Perdues dans un redémarrage', lostHint: 'Ces exécutions ont fini parce que leur processus a fini. Relancez-les si leur travail est encore voulu.', lostMore: 'Toutes celles jamais perdues', lostAgain: 'Relancer celles-ci…', lostWords: 'Exécutions perdues la dernière fois qu’un processus a fini.',
  replicas: (n) => manyFr(n, 'processus', 'processus'), name: 'Nom', role: 'Rôle', version: 'Version', asks: 'Planificateur', asksYes: 'demande', asksNo: 'ne demande pas', holds: 'a le bail', runs: 'Exécutions', seen: 'Dernier signe de vie', up: 'Depuis', answers: 'vous répond', quiet: 'aucun signe de vie', labels: 'Étiquettes', noReplicas: 'Aucun processus connu : la base ne répond pas.',
  names: { store: 'Base', scheduler: 'Planificateur', schedules: 'Planifications', catalogue: 'Catalogue', plugins: 'Plugins', versions: 'Versions', clocks: 'Horloges des processus', disk: 'Disque', streams: 'À l’écoute', backup: 'Sauvegarde' },
  so: 'depuis', schedulesOk: (n) => `${manyFr(n, 'planification armée', 'planifications armées')}.`, toSchedule: 'Calendrier', pluginsOk: 'Chaque plugin présent se charge.', pluginsBad: (n) => `${manyFr(n, 'fichier ne se charge', 'fichiers ne se chargent')} pas :`, toPlugins: 'Plugins',
  clocksOk: 'Aucun processus n’est en avance sur celui qui répond.', clocksBad: (s) => `Jusqu’à ${s} s d’avance sur le processus qui répond ; que toutes les machines suivent un serveur de temps :`,
  diskOk: (size) => `${size} libres là où le dossier garde ses données.`, diskBad: (size) => `Seulement ${size} libres là où le dossier garde ses données : faites de la place, ou gardez moins d’historique (jobs.history_days).`, diskUnknown: 'L’espace libre ne peut être dit : le dossier est-il encore là ?',
  streamsOk: (n) => `${manyFr(n, 'page ou commande écoute', 'pages et commandes écoutent')} le processus qui répond.`, backupLast: 'La dernière a été faite', backupOld: 'C’est loin pour un serveur qui travaille chaque nuit.', backupNone: 'Le journal d’audit n’en connaît aucune', exportLast: 'le catalogue a été exporté', exportNone: 'le catalogue n’a jamais été exporté', toBackup: 'Sauvegarde',
  remarks: {
    'store-silent': () => 'La base ne répond pas.',
    'scheduler-stopped': () => 'Le planificateur de ce processus s’est arrêté ; son journal dit pourquoi.',
    'part-broke': ({ what }) => `Une partie de ce processus est hors service jusqu’à son redémarrage : ${what}`,
    'lease-unheld': ({ process, asking }) => `Personne n’a le bail du planificateur, bien que ${process}${asking > 1 ? ` et ${manyFr(asking - 1, 'autre', 'autres')} le demandent` : ' le demande'}.`,
    'lease-holder-silent': ({ holder }) => `Le bail du planificateur est chez ${holder}, qui ne donne aucun signe de vie.`,
    'label-missing': ({ label, waiting }) => `${manyFr(waiting, 'exécution attend', 'exécutions attendent')} un processus qui porte l’étiquette ${label}, et il n’y en a aucun.`,
    'scheduler-unasked': () => 'Aucun processus ne demande le planificateur : les planifications ne se déclenchent pas.',
    'scheduler-shared': ({ holder, asking }) => `${asking} processus demandent le planificateur ; ${holder} l’a.`,
  },
  bundle: 'Dossier de diagnostic', bundling: 'Collecte…', bundled: 'Remis au navigateur', bundleHint: 'Réglages, versions, santé et dernières lignes du journal, sans secrets, dans un fichier',
}

export const t = pick(en, fr)
