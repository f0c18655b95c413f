/** The words of the catalogue and of the actions on a job. */
import { manyEn, manyFr, number, pick } from '../i18n'

const en = {
  title: 'Jobs', newJob: 'New job', scheduleView: 'Schedule view', reload: 'Reload', reloading: 'Reloading…', reloadHint: 'Read the job files again',
  filter: 'Filter jobs', filterHint: 'Filter ( / )   tag:etl state:failed', clear: 'Clear the filter', clearAll: 'Clear',
  count: (shown: number, all: number) => (shown === all ? manyEn(all, 'job', 'jobs') : `${number(shown)} of ${manyEn(all, 'job', 'jobs')}`),
  none: 'No job is declared yet.', noneHint: 'Make one with New job, or write plugins/<app>/jobs.toml in the home folder and press Reload.', noMatch: 'No job matches this filter.',
  facets: { state: 'State', tag: 'Tag', enabled: 'Enabled', kind: 'Schedule', app: 'App', internal: 'Internal' }, any: 'any', yes: 'yes', no: 'no', scheduled: 'scheduled', manual: 'manual-only', shown: 'shown', hidden: 'hidden',
  more: 'Filters and view', view: 'View', cards: 'Cards', table: 'Table', group: 'Group by', groups: { none: 'nothing', app: 'app', tag: 'first tag', state: 'state' }, noTag: 'no tag',
  groupOf: (name: string, n: number) => `${name}, ${manyEn(n, 'job', 'jobs')}`,
  inFlight: 'In flight', steps: (n: number) => manyEn(n, 'step', 'steps'), next: 'next', last: 'last', never: 'never ran', noFire: 'no next fire',
  stepOf: (done: number, all: number) => `step ${Math.min(done + 1, all)} / ${all}`, streaming: 'log streaming live', on: (owner: string) => `on ${owner}`,
  lastRunOf: (id: string, status: string) => `Last run of ${id}: ${status}`, openRun: 'open run', internal: 'internal', invalid: 'INVALID',
  enabledOf: (id: string) => `${id} enabled`, enable: 'enable', enableOf: (id: string) => `enable ${id}`, otherwise: 'Somebody else changed it meanwhile; nothing was done.',
  warnings: {
    off: 'Schedule set, job disabled: it will not fire.', noRows: 'The last run moved 0 rows.', toConnectors: 'connectors', toPlugins: 'plugins', toEditor: 'edit', openRun: 'open the run',
  },
  problems: (n: number) => manyEn(n, 'problem', 'problems'), problemsTitle: 'Rejected when the files were read',
  reloaded: (jobs: number) => `${manyEn(jobs, 'job', 'jobs')} read`, added: (n: number) => `${n} added`, changed: (n: number) => `${n} changed`, removed: (n: number) => `${n} removed`, rejected: (n: number, why: string) => `${n} rejected: ${why}`, unchanged: 'nothing changed',
  run: 'Run now', starting: 'Starting…', busy: 'Busy', runOf: (id: string) => `Run now: ${id}`, busyOf: (id: string) => `Busy: ${id}`, busyHint: 'One run at a time: this job is running.', invalidHint: 'This job has errors and cannot run.',
  queued: 'Queued', cancel: 'Cancel', cancelOf: (id: string) => `Cancel the run of ${id}`, canceling: 'Canceling…', cancelingOf: (id: string) => `Canceling the run of ${id}`, alreadyRunning: 'Already running', since: 'since', startedBy: (who: string) => `by ${who}`, openIt: 'open it',
  edit: 'Edit', editOf: (id: string) => `Edit ${id}`, moreOf: (id: string) => `More about ${id}`, details: 'Details', history: 'History', withParams: 'Run with parameters…', duplicate: 'Duplicate', export: 'Download the definition',
  quarantine: 'Quarantine…', quarantineHint: 'disables it, adds the tag and a note', release: 'End the quarantine', releaseHint: 'takes tag and note away; it fires again if it did before', quarantined: 'In quarantine:', quarantineTitle: (id: string) => `Quarantine ${id}`, quarantineNote: 'Why', copyQuarantine: 'Copy the quarantine', quarantineText: 'It is disabled and gets the tag quarantine; its runs and its history stay. Ending the quarantine puts back what was.', disableIt: 'Disable', enableIt: 'Enable',
  historyOf: (id: string, runs: number, ok: number, failed: number) => `Last ${manyEn(runs, 'run', 'runs')} of ${id}: ${ok} succeeded, ${failed} failed`,
  select: 'Select', selectOf: (id: string) => `Select ${id}`, selected: (n: number) => `${n} selected`, selectAll: 'Select all shown', unselect: 'Unselect',
  bulk: { enable: 'Enable', disable: 'Disable', run: 'Run', tag: 'Add a tag…', title: (what: string, n: number) => `${what}: ${manyEn(n, 'job', 'jobs')}`, tagName: 'Tag', apply: 'Apply', done: 'done', skipped: 'nothing to do', waiting: 'waiting', working: 'working…', close: 'Close', copy: 'Copy this for each of them' },
  columns: { id: 'Job', state: 'State', tags: 'Tags', schedule: 'Schedule', next: 'Next', last: 'Last', p50: 'Median', history: 'Last runs', enabled: 'On', actions: 'Actions' },
  keys: { next: 'Next job', previous: 'Previous job', open: 'Open the job', run: 'Run the job', cancel: 'Cancel its run', edit: 'Edit the job' },
}

const fr: typeof en = {
  title: 'Jobs', newJob: 'Nouveau job', scheduleView: 'Calendrier', reload: 'Recharger', reloading: 'Rechargement…', reloadHint: 'Relire les fichiers des jobs',
  filter: 'Filtrer les jobs', filterHint: 'Filtrer ( / )   tag:etl state:failed', clear: 'Effacer le filtre', clearAll: 'Effacer',
  count: (shown, all) => (shown === all ? manyFr(all, 'job', 'jobs') : `${number(shown)} sur ${manyFr(all, 'job', 'jobs')}`),
  none: 'Aucun job n’est encore déclaré.', noneHint: 'Créez-en un avec Nouveau job, ou écrivez plugins/<app>/jobs.toml dans le dossier du serveur puis appuyez sur Recharger.', noMatch: 'Aucun job ne correspond à ce filtre.',
  facets: { state: 'État', tag: 'Étiquette', enabled: 'Activé', kind: 'Planification', app: 'App', internal: 'Internes' }, any: 'tous', yes: 'oui', no: 'non', scheduled: 'planifié', manual: 'manuel', shown: 'visibles', hidden: 'masqués',
  more: 'Filtres et affichage', view: 'Affichage', cards: 'Cartes', table: 'Tableau', group: 'Grouper par', groups: { none: 'rien', app: 'app', tag: 'première étiquette', state: 'état' }, noTag: 'sans étiquette',
  groupOf: (name, n) => `${name}, ${manyFr(n, 'job', 'jobs')}`,
  inFlight: 'En cours', steps: (n) => manyFr(n, 'étape', 'étapes'), next: 'prochain', last: 'dernier', never: 'jamais exécuté', noFire: 'pas de prochain départ',
  stepOf: (done, all) => `étape ${Math.min(done + 1, all)} / ${all}`, streaming: 'journal en direct', on: (owner) => `sur ${owner}`,
  lastRunOf: (id, status) => `Dernière exécution de ${id} : ${status}`, openRun: 'ouvrir l’exécution', internal: 'interne', invalid: 'INVALIDE',
  enabledOf: (id) => `${id} activé`, enable: 'activer', enableOf: (id) => `activer ${id}`, otherwise: 'Quelqu’un d’autre l’a modifié entre-temps ; rien n’a été fait.',
  warnings: {
    off: 'Planification définie, job désactivé : il ne partira pas.', noRows: 'La dernière exécution a déplacé 0 ligne.', toConnectors: 'connecteurs', toPlugins: 'plugins', toEditor: 'modifier', openRun: 'ouvrir l’exécution',
  },
  problems: (n) => manyFr(n, 'problème', 'problèmes'), problemsTitle: 'Refusé à la lecture des fichiers',
  reloaded: (jobs) => `${manyFr(jobs, 'job lu', 'jobs lus')}`, added: (n) => manyFr(n, 'ajouté', 'ajoutés'), changed: (n) => manyFr(n, 'modifié', 'modifiés'), removed: (n) => manyFr(n, 'retiré', 'retirés'), rejected: (n, why) => `${manyFr(n, 'refusé', 'refusés')} : ${why}`, unchanged: 'rien n’a changé',
  run: 'Lancer', starting: 'Lancement…', busy: 'Occupé', runOf: (id) => `Lancer : ${id}`, busyOf: (id) => `Occupé : ${id}`, busyHint: 'Une exécution à la fois : ce job est en cours.', invalidHint: 'Ce job a des erreurs et ne peut pas être lancé.',
  queued: 'En file', cancel: 'Annuler', cancelOf: (id) => `Annuler l’exécution de ${id}`, canceling: 'Annulation…', cancelingOf: (id) => `Annulation de l’exécution de ${id}`, alreadyRunning: 'Déjà en cours', since: 'depuis', startedBy: (who) => `par ${who}`, openIt: 'ouvrir',
  edit: 'Modifier', editOf: (id) => `Modifier ${id}`, moreOf: (id) => `Autres actions sur ${id}`, details: 'Détails', history: 'Historique', withParams: 'Lancer avec des paramètres…', duplicate: 'Dupliquer', export: 'Télécharger la définition',
  quarantine: 'Mettre en quarantaine…', quarantineHint: 'le désactive, ajoute l’étiquette et une note', release: 'Lever la quarantaine', releaseHint: 'retire l’étiquette et la note ; il repart s’il partait avant', quarantined: 'En quarantaine :', quarantineTitle: (id) => `Mettre ${id} en quarantaine`, quarantineNote: 'Pourquoi', copyQuarantine: 'Copier la mise en quarantaine', quarantineText: 'Il est désactivé et reçoit l’étiquette quarantine ; ses exécutions et son historique restent. La levée remet ce qui était.', disableIt: 'Désactiver', enableIt: 'Activer',
  historyOf: (id, runs, ok, failed) => `Historique de ${id}, ${manyFr(runs, 'exécution', 'exécutions')} : ${manyFr(ok, 'réussie', 'réussies')}, ${manyFr(failed, 'échouée', 'échouées')}`,
  select: 'Sélectionner', selectOf: (id) => `Sélectionner ${id}`, selected: (n) => manyFr(n, 'sélectionné', 'sélectionnés'), selectAll: 'Sélectionner tout ce qui est affiché', unselect: 'Désélectionner',
  bulk: { enable: 'Activer', disable: 'Désactiver', run: 'Lancer', tag: 'Ajouter une étiquette…', title: (what, n) => `${what} : ${manyFr(n, 'job', 'jobs')}`, tagName: 'Étiquette', apply: 'Appliquer', done: 'fait', skipped: 'rien à faire', waiting: 'en attente', working: 'en cours…', close: 'Fermer', copy: 'Copier ceci pour chacun' },
  columns: { id: 'Job', state: 'État', tags: 'Étiquettes', schedule: 'Planification', next: 'Prochain', last: 'Dernier', p50: 'Médiane', history: 'Dernières exécutions', enabled: 'Actif', actions: 'Actions' },
  keys: { next: 'Job suivant', previous: 'Job précédent', open: 'Ouvrir le job', run: 'Lancer le job', cancel: 'Annuler son exécution', edit: 'Modifier le job' },
}

export const t = pick(en, fr)
