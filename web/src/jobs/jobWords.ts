/** The words of the page of one job. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  tabs: { overview: 'Overview', runs: 'Runs', schedules: 'Schedules', definition: 'Definition', changes: 'Changes' }, tabsLabel: 'Parts of the job',
  app: 'App', schedule: 'Schedule', timezone: 'Time zone', nextRun: 'Next run', logLevel: 'Log level', timeout: 'Time limit', retry: 'Attempts', source: 'Declared in', params: 'Shared parameters', steps: 'Steps', manual: 'manual-only', noFire: 'no next fire',
  name: 'Name', type: 'Type', what: 'What it does', state: 'State', retryWords: (n: number, backoff: string, base: number) => (n <= 1 ? '1, no retry' : `${n}, ${backoff} from ${base} s`), arguments: 'arguments', noLimit: 'none',
  enabled: 'enabled', disabled: 'disabled', noRuns: 'This job has not run yet.', allRuns: 'All runs', onRestart: 'After a restart', overlap: 'Already running', placement: 'Runs on',
  quarantined: 'In quarantine:', gone: 'This job is no longer in the catalogue.', goneHint: 'Its history is kept.', problems: 'Problems',
  grid: 'Steps of the last runs', gridHint: 'Arrow keys move, Enter opens the run at that step.', gridCell: (step: string, run: string, status: string) => `${step}, run ${run}: ${status}`,
  chart: 'Duration of the last runs', chartText: (n: number, median: string) => `${manyEn(n, 'run', 'runs')}, median ${median}`, median: 'median', longest: 'longest',
  switchOff: 'switch it off', switchOn: 'switch it on', copyChange: 'Copy this change', skipOnce: 'skip once', unskip: 'take back', skipOf: (name: string) => `skip once: ${name}`,
  fires: 'Next fires', on: 'On', noSchedules: 'This job has no schedule: it runs when somebody asks for it.', addSchedule: 'Add one in the editor', toggle: (name: string) => `Schedule ${name} on`, preview: 'in the zone of the job',
  slots: 'What became of past fires', noSlots: 'No fire was recorded yet.', due: 'Due', outcome: 'Outcome', reason: 'Reason', run: 'Run', decided: 'Decided',
  outcomes: { fired: 'fired', skipped: 'skipped', missed: 'missed', failed_to_start: 'could not start' } as Record<string, string>,
  why: 'Why did it (not) run at', whyHint: 'for example 2026-11-22T02:30', ask: 'Ask',
  definitionOf: 'The text the server holds', download: 'Download', noSource: 'This server does not hand out the text of a job; this is what it read.', overlay: 'Changed here, over the vendor’s file', vendor: 'vendor',
  version: 'Version', at: 'When', by: 'Who', change: 'What', diff: 'Differences', diffTo: (n: number) => `From version ${n} to now`, show: 'Compare with now', restore: 'Restore this version', restoreTitle: (n: number) => `Restore version ${n}`, restoreHint: 'The job becomes what it was then, as a new version. Runs in flight keep theirs.',
  noChanges: 'No change was recorded yet.', noVersions: 'This server keeps no versions of jobs.', same: 'Nothing differs.', current: 'now', cancel: 'Cancel', off: 'off', remove: 'Remove', run_: 'Run…',
  newSchedule: (job: string) => `New schedule of ${job}`, editSchedule: (name: string) => `Change schedule ${name}`, saveSchedule: 'Save schedule', cron: 'Cron', every: 'Every', cronHint: 'minute hour day month weekday, and seconds at the end if need be', values: 'Values', valuesHint: 'What its runs are given over the saved job.', asSaved: 'as saved',
  add: 'Add a schedule', change_: (name: string) => `Change schedule ${name}`, removeSchedule: (name: string) => `Remove schedule ${name}`, removeScheduleHint: 'It fires no more. Past fires and runs stay in the history.', moreOf: (name: string) => `Copies of ${name}`,
  presets: 'Presets', noPresets: 'No values are kept under a name. Change some in the run dialog and save them as a preset.', presetOf: (name: string) => `preset ${name}`, runPreset: (name: string) => `Run with preset ${name}`, scheduleIt: 'Schedule…', schedulePreset: (name: string) => `Schedule with preset ${name}`, removePreset: (name: string) => `Remove preset ${name}`, removePresetHint: 'Schedules that were made from it keep their values.',
  threshold: (minutes: number) => `alert above ${minutes} min`, outliers: (n: number) => manyEn(n, 'run took', 'runs took') + ' more than twice the median', succeededLast: (ok: number, all: number) => `${ok} of ${all} succeeded`,
}

const fr: typeof en = {
  tabs: { overview: 'Aperçu', runs: 'Exécutions', schedules: 'Planifications', definition: 'Définition', changes: 'Modifications' }, tabsLabel: 'Parties du job',
  app: 'App', schedule: 'Planification', timezone: 'Fuseau horaire', nextRun: 'Prochain départ', logLevel: 'Niveau du journal', timeout: 'Durée limite', retry: 'Tentatives', source: 'Déclaré dans', params: 'Paramètres partagés', steps: 'Étapes', manual: 'manuel', noFire: 'pas de prochain départ',
  name: 'Nom', type: 'Type', what: 'Ce qu’elle fait', state: 'État', retryWords: (n, backoff, base) => (n <= 1 ? '1, sans reprise' : `${n}, ${backoff} à partir de ${base} s`), arguments: 'arguments', noLimit: 'aucune',
  enabled: 'activé', disabled: 'désactivé', noRuns: 'Ce job n’a pas encore été exécuté.', allRuns: 'Toutes les exécutions', onRestart: 'Après un redémarrage', overlap: 'Déjà en cours', placement: 'S’exécute sur',
  quarantined: 'En quarantaine :', gone: 'Ce job n’est plus dans le catalogue.', goneHint: 'Son historique est conservé.', problems: 'Problèmes',
  grid: 'Étapes des dernières exécutions', gridHint: 'Les flèches déplacent, Entrée ouvre l’exécution à cette étape.', gridCell: (step, run, status) => `${step}, exécution ${run} : ${status}`,
  chart: 'Durée des dernières exécutions', chartText: (n, median) => `${manyFr(n, 'exécution', 'exécutions')}, médiane ${median}`, median: 'médiane', longest: 'la plus longue',
  switchOff: 'la désactiver', switchOn: 'l’activer', copyChange: 'Copier cette modification', skipOnce: 'sauter une fois', unskip: 'reprendre', skipOf: (name) => `sauter une fois : ${name}`,
  fires: 'Prochains départs', on: 'Active', noSchedules: 'Ce job n’a pas de planification : il part quand on le demande.', addSchedule: 'En ajouter une dans l’éditeur', toggle: (name) => `Planification ${name} active`, preview: 'dans le fuseau du job',
  slots: 'Ce que sont devenus les départs passés', noSlots: 'Aucun départ n’a encore été enregistré.', due: 'Prévu', outcome: 'Issue', reason: 'Raison', run: 'Exécution', decided: 'Décidé',
  outcomes: { fired: 'parti', skipped: 'sauté', missed: 'manqué', failed_to_start: 'n’a pas pu partir' },
  why: 'Pourquoi est-il (ou non) parti à', whyHint: 'par exemple 2026-11-22T02:30', ask: 'Demander',
  definitionOf: 'Le texte que tient le serveur', download: 'Télécharger', noSource: 'Ce serveur ne donne pas le texte d’un job ; voici ce qu’il a lu.', overlay: 'Modifié ici, par-dessus le fichier du fournisseur', vendor: 'fournisseur',
  version: 'Version', at: 'Quand', by: 'Qui', change: 'Quoi', diff: 'Différences', diffTo: (n) => `De la version ${n} à maintenant`, show: 'Comparer à maintenant', restore: 'Restaurer cette version', restoreTitle: (n) => `Restaurer la version ${n}`, restoreHint: 'Le job redevient ce qu’il était, sous une nouvelle version. Les exécutions en cours gardent la leur.',
  noChanges: 'Aucune modification n’a encore été enregistrée.', noVersions: 'Ce serveur ne garde pas les versions des jobs.', same: 'Aucune différence.', current: 'maintenant', cancel: 'Annuler', off: 'inactive', remove: 'Retirer', run_: 'Lancer…',
  newSchedule: (job) => `Nouvelle planification de ${job}`, editSchedule: (name) => `Modifier la planification ${name}`, saveSchedule: 'Enregistrer la planification', cron: 'Cron', every: 'Toutes les', cronHint: 'minute heure jour mois jour-de-semaine, et les secondes à la fin au besoin', values: 'Valeurs', valuesHint: 'Ce que ses exécutions reçoivent par-dessus le job enregistré.', asSaved: 'telles qu’enregistrées',
  add: 'Ajouter une planification', change_: (name) => `Modifier la planification ${name}`, removeSchedule: (name) => `Retirer la planification ${name}`, removeScheduleHint: 'Elle ne partira plus. Les départs et exécutions passés restent dans l’historique.', moreOf: (name) => `Copies de ${name}`,
  presets: 'Préréglages', noPresets: 'Aucune valeur n’est gardée sous un nom. Changez-en dans la fenêtre de lancement et enregistrez-les comme préréglage.', presetOf: (name) => `préréglage ${name}`, runPreset: (name) => `Lancer avec le préréglage ${name}`, scheduleIt: 'Planifier…', schedulePreset: (name) => `Planifier avec le préréglage ${name}`, removePreset: (name) => `Retirer le préréglage ${name}`, removePresetHint: 'Les planifications qui en sont issues gardent leurs valeurs.',
  threshold: (minutes) => `alerte au-delà de ${minutes} min`, outliers: (n) => manyFr(n, 'exécution a duré', 'exécutions ont duré') + ' plus du double de la médiane', succeededLast: (ok, all) => `${ok} réussies sur ${all}`,
}

export const t = pick(en, fr)
