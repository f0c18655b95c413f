/** The words about a setting that is changed from the page. */
import { pick } from '../i18n'

const en = {
  change: (key: string) => `Change ${key}`, edit: 'Change', save: 'Save', saving: 'Saving…', reset: 'Use the default', resetHint: 'Takes it out of app.toml.', next: (value: string) => `after a restart: ${value}`, notWhole: 'A whole number.',
  counts: 'Written into app.toml of the process that answers; it counts when that starts again.',
  keepFor: (days: string) => `Keep runs for ${days}`, kept: (days: string) => `After a restart: ${days}`,
  meanings: {
    'jobs.scheduler_enabled': 'Whether this process asks for the scheduler. Off: it stands by, and runs by hand still work.',
    'jobs.history_days': 'How long runs are kept, with their steps and logs.',
    'jobs.max_concurrent_runs': 'How many runs this process takes at once; more wait.',
    'server.drain_seconds': 'How long steps that run may go on after the process is told to stop.',
    'audit.keep_days': 'How long entries of the audit trail stay; 0 is for ever.',
  } as Record<string, string>,
}

const fr: typeof en = {
  change: (key) => `Changer ${key}`, edit: 'Changer', save: 'Enregistrer', saving: 'Enregistrement…', reset: 'Prendre le défaut', resetHint: 'Le retire de app.toml.', next: (value) => `après un redémarrage : ${value}`, notWhole: 'Un nombre entier.',
  counts: 'Écrit dans app.toml du processus qui répond ; compte quand il redémarre.',
  keepFor: (days) => `Garder les exécutions ${days}`, kept: (days) => `Après un redémarrage : ${days}`,
  meanings: {
    'jobs.scheduler_enabled': 'Si ce processus demande le planificateur. Sinon il reste en attente ; les exécutions à la main marchent toujours.',
    'jobs.history_days': 'Combien de temps les exécutions sont gardées, avec leurs étapes et journaux.',
    'jobs.max_concurrent_runs': 'Combien d’exécutions ce processus prend à la fois ; les autres attendent.',
    'server.drain_seconds': 'Combien de temps les étapes en cours peuvent continuer après l’ordre d’arrêt.',
    'audit.keep_days': 'Combien de temps les entrées d’audit restent ; 0 veut dire toujours.',
  },
}

export const t = pick(en, fr)
