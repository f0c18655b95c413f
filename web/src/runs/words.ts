/** The words of the list of runs and of one run. */
import { manyEn, manyFr, number, pick } from '../i18n'

const en = {
  title: 'Runs', job: 'Job', allJobs: 'All jobs', status: 'State', older: 'Older', newest: 'Newest', none: 'No run matches.', noneYet: 'Nothing has run yet.', noneHint: 'Start a job from the jobs page, or wait for a schedule to fire.',
  id: 'Run', trigger: 'Triggered by', started: 'Started', duration: 'Duration', steps: 'Steps', rows: 'Rows', reason: 'Reason', clear: 'Clear the filters', actions: 'Actions', actionsOf: (id: string) => `Actions on run ${id}`,
  triggers: { cron: 'schedule', user: 'person', api: 'REST', cli: 'command line', job: 'other job' } as Record<string, string>, anyTrigger: 'anybody',
  text: 'Text', textHint: 'Reason, error or id', atLeast: 'Took at least', seconds: 'seconds', fresh: (n: number) => `▲ ${manyEn(n, 'new run', 'new runs')}`,
  skipped: (n: number, reason: string) => `${n} skipped${reason ? `: ${reason}` : ''}`, unfold: 'Show them', fold: 'Fold', pruned: (day: string, days: number) => `Retention removes runs that ended before ${day}: it keeps ${manyEn(days, 'day', 'days')}.`,
  tag: 'Tag', anyTag: 'any tag', person: 'Person', personHint: 'who, for example alice', from: 'From', to: 'To',
  plot: 'Picture over time', plotHint: 'one mark per run: time to the right, length upwards; drag to choose a span', plotText: (n: number, from: string, to: string) => `${manyEn(n, 'run', 'runs')} between ${from} and ${to}`, columns: 'Columns', moreRuns: 'Export and actions on all of these', csv: 'Download as CSV', ndjson: 'Download as NDJSON',
  bulk: {
    copy: 'Copy this for each of them', cancel: 'Cancel all of these…', replay: 'Run all of these again…', close: 'Close', waiting: 'waiting', working: 'working…', asked: 'cancel requested', count: (n: number) => manyEn(n, 'run', 'runs'), most: (n: string) => `the newest ${n}; narrow the filter for the others`,
    note: { cancel: 'Runs that are over are not in this list.', replay: 'Each with its job as it is saved now and the values it was given. Skipped runs are not in this list.' },
    doIt: { cancel: (n: number) => `Cancel ${manyEn(n, 'run', 'runs')}`, replay: (n: number) => `Run ${n} again` },
    went: (ok: number, bad: number, all: number) => `${ok + bad} of ${all}: ${ok} done, ${bad} refused`,
  },
  openRun: 'Open', openLog: 'Log', cancel: 'Cancel', replay: 'Run again…', replayOf: 'Replay', compare: 'Compare…',
  queued: 'Queued', finished: 'Finished', elapsed: 'Elapsed', logLevel: 'Log level', owner: 'Runs on', scheduled: 'Due', schedule: 'Schedule', replayed: 'Replay of', term: (n: number) => `taken up ${n} times`,
  params: 'Parameters', overridden: 'changed for this run', cancelRun: 'Cancel run', cancelAskedAt: 'Cancel requested', cancelAsked: (when: string | null, who: string) => `Cancel requested ${when === null ? '' : `${when} `}by ${who}.`, cancelSlow: 'It has not stopped yet: the running step is in a call that cannot be interrupted. It ends at the step’s next checkpoint, or at its time limit.',
  cancelEffect: { sql_query: 'The connection is closed and the transaction rolls back.', sql_copy: 'The copy stops and its transaction rolls back.', python: 'The function is told to stop at its next checkpoint; its worker is ended if it does not.', wasm: 'The component is interrupted.', http: 'The network call is aborted.', ldap_sync: 'The network call is aborted.', call_job: 'The called run is canceled too.' } as Record<string, string>,
  failedAt: (step: string, attempt: number) => `Step ${step} failed` + (attempt > 1 ? ` on attempt ${attempt}` : ''), showStep: 'Show the step', showLine: 'Show the line', lost: 'The server was restarted while this run was going on.',
  notFound: 'There is no such run', notFoundHint: 'It may have been removed by retention.', previous: 'Previous run of the job', next: 'Next run of the job', copyId: 'Copy the run id',
  timeline: 'Steps of the run', step: 'step', timeCol: 'time',
  unnamed: (n: number) => `step ${n}`, attempts: (n: number) => `${n} attempts`, waitFor: (time: string) => `waits ${time}`, waited: (time: string) => `waited ${time} to begin`, axis: 'Axis', elapsedAxis: 'elapsed', clockAxis: 'clock', onSelect: 'A step', jump: 'scrolls the log', filter: 'filters the log', slow: (times: string) => `${times} the usual`, usual: (time: string) => `usually ${time}, the median of the last successes`, folded: (time: string) => `nothing ran for ${time}`, foldGaps: 'fold idle time', whole: 'Show the whole', tellMe: 'Tell me when it ends',
  definition: 'Definition', versionNow: (n: number) => `version ${n}, as it is now`, versionThen: (n: number, now: number) => `version ${n}; now it is ${now}`, sameDefinition: 'The definition is the same.', otherDefinition: 'Definition',
  attempt: 'Attempt', copyError: 'Copy the error', error: 'Error', input: 'Input', output: 'Output', usage: 'Usage', nothing: 'Nothing recorded.', close: 'Close the step', retryAt: 'Starts', later: 'Recorded when the step ends.', progress: (name: string) => `Progress of ${name}`, rate: (n: string) => `${n}/s`, detail: 'Detail',
  memory: 'Peak memory', cpu: 'Processor time', wall: 'Wall time', hostCalls: 'Calls of the host', rowsIn: 'Rows in', rowsOut: 'Rows out', component: 'Component', bytes: 'bytes',
  split: 'Width of the steps', compareTitle: (id: string) => `Compared with ${id}`, compareSuccess: 'Compare with the last success', thisRun: 'this run', otherRun: 'that run', same: 'the same', noDifference: 'Parameters are the same.', closeCompare: 'Close the comparison', noSuccess: 'No earlier run of this job succeeded.',
  replayStored: (step: string | null) => (step ? `Repeat as it was, from ${step}` : 'Repeat as it was'), replayStoredHint: 'with the definition and the values of this run', replayCurrent: 'Run again with other values…', replayCurrentHint: 'with the definition as it is now',
  keys: { whole: 'Show the whole timeline', failure: 'Show the first failure', previous: 'Previous run', next: 'Next run', cancel: 'Cancel the run', replay: 'Run again', down: 'Next row', up: 'Previous row', open: 'Open the run' }, number,
}

const fr: typeof en = {
  title: 'Exécutions', job: 'Job', allJobs: 'Tous les jobs', status: 'État', older: 'Plus anciennes', newest: 'Plus récentes', none: 'Aucune exécution ne correspond.', noneYet: 'Rien n’a encore été exécuté.', noneHint: 'Lancez un job depuis la page des jobs, ou attendez un départ planifié.',
  id: 'Exécution', trigger: 'Lancée par', started: 'Début', duration: 'Durée', steps: 'Étapes', rows: 'Lignes', reason: 'Raison', clear: 'Effacer les filtres', actions: 'Actions', actionsOf: (id) => `Actions sur l’exécution ${id}`,
  triggers: { cron: 'planification', user: 'personne', api: 'REST', cli: 'ligne de commande', job: 'autre job' }, anyTrigger: 'n’importe qui',
  text: 'Texte', textHint: 'Raison, erreur ou numéro', atLeast: 'A duré au moins', seconds: 'secondes', fresh: (n) => `▲ ${manyFr(n, 'nouvelle exécution', 'nouvelles exécutions')}`,
  skipped: (n, reason) => `${manyFr(n, 'sautée', 'sautées')}${reason ? ` : ${reason}` : ''}`, unfold: 'Les afficher', fold: 'Replier', pruned: (day, days) => `La rétention retire les exécutions terminées avant le ${day} : elle garde ${manyFr(days, 'jour', 'jours')}.`,
  tag: 'Étiquette', anyTag: 'toute étiquette', person: 'Personne', personHint: 'qui, par exemple alice', from: 'Du', to: 'Au',
  plot: 'Vue dans le temps', plotHint: 'une marque par exécution : le temps vers la droite, la durée vers le haut ; glissez pour choisir une période', plotText: (n, from, to) => `${manyFr(n, 'exécution', 'exécutions')} entre ${from} et ${to}`, columns: 'Colonnes', moreRuns: 'Export et actions sur toutes celles-ci', csv: 'Télécharger en CSV', ndjson: 'Télécharger en NDJSON',
  bulk: {
    copy: 'Copier ceci pour chacune', cancel: 'Annuler toutes celles-ci…', replay: 'Relancer toutes celles-ci…', close: 'Fermer', waiting: 'en attente', working: 'en cours…', asked: 'annulation demandée', count: (n) => manyFr(n, 'exécution', 'exécutions'), most: (n) => `les ${n} plus récentes ; resserrez le filtre pour les autres`,
    note: { cancel: 'Les exécutions terminées ne sont pas dans cette liste.', replay: 'Chacune avec son job tel qu’il est enregistré et les valeurs qu’elle avait reçues. Les exécutions sautées ne sont pas dans cette liste.' },
    doIt: { cancel: (n) => `Annuler ${manyFr(n, 'exécution', 'exécutions')}`, replay: (n) => `Relancer les ${n}` },
    went: (ok, bad, all) => `${ok + bad} sur ${all} : ${manyFr(ok, 'faite', 'faites')}, ${manyFr(bad, 'refusée', 'refusées')}`,
  },
  openRun: 'Ouvrir', openLog: 'Journal', cancel: 'Annuler', replay: 'Relancer…', replayOf: 'Relancer', compare: 'Comparer…',
  queued: 'En file', finished: 'Fin', elapsed: 'Durée', logLevel: 'Niveau du journal', owner: 'S’exécute sur', scheduled: 'Prévue', schedule: 'Planification', replayed: 'Reprise de', term: (n) => `reprise ${n} fois`,
  params: 'Paramètres', overridden: 'changé pour cette exécution', cancelRun: 'Annuler l’exécution', cancelAskedAt: 'Annulation demandée', cancelAsked: (when, who) => `Annulation demandée ${when === null ? '' : `${when} `}par ${who}.`, cancelSlow: 'Elle n’est pas encore arrêtée : l’étape en cours est dans un appel qui ne peut pas être interrompu. Elle s’arrêtera à son prochain point de contrôle, ou à sa durée limite.',
  cancelEffect: { sql_query: 'La connexion est fermée et la transaction annulée.', sql_copy: 'La copie s’arrête et sa transaction est annulée.', python: 'La fonction est priée de s’arrêter à son prochain point de contrôle ; sinon son processus est terminé.', wasm: 'Le composant est interrompu.', http: 'L’appel réseau est abandonné.', ldap_sync: 'L’appel réseau est abandonné.', call_job: 'L’exécution appelée est annulée aussi.' },
  failedAt: (step, attempt) => `L’étape ${step} a échoué` + (attempt > 1 ? ` à la tentative ${attempt}` : ''), showStep: 'Montrer l’étape', showLine: 'Montrer la ligne', lost: 'Le serveur a été redémarré pendant cette exécution.',
  notFound: 'Cette exécution n’existe pas', notFoundHint: 'Elle a peut-être été retirée par la rétention.', previous: 'Exécution précédente du job', next: 'Exécution suivante du job', copyId: 'Copier le numéro d’exécution',
  timeline: 'Étapes de l’exécution', step: 'étape', timeCol: 'durée',
  unnamed: (n) => `étape ${n}`, attempts: (n) => `${n} tentatives`, waitFor: (time) => `attend ${time}`, waited: (time) => `a attendu ${time} avant de commencer`, axis: 'Axe', elapsedAxis: 'écoulé', clockAxis: 'heure', onSelect: 'Une étape', jump: 'fait défiler le journal', filter: 'filtre le journal', slow: (times) => `${times} l’habitude`, usual: (time) => `d’habitude ${time}, la médiane des dernières réussites`, folded: (time) => `rien ne s’est exécuté pendant ${time}`, foldGaps: 'replier le temps mort', whole: 'Tout montrer', tellMe: 'Me prévenir quand elle se termine',
  definition: 'Définition', versionNow: (n) => `version ${n}, telle qu’elle est`, versionThen: (n, now) => `version ${n} ; c’est maintenant la ${now}`, sameDefinition: 'La définition est la même.', otherDefinition: 'Définition',
  attempt: 'Tentative', copyError: 'Copier l’erreur', error: 'Erreur', input: 'Entrée', output: 'Sortie', usage: 'Consommation', nothing: 'Rien d’enregistré.', close: 'Fermer l’étape', retryAt: 'Commence', later: 'Enregistré quand l’étape se termine.', progress: (name) => `Avancement de ${name}`, rate: (n) => `${n}/s`, detail: 'Détail',
  memory: 'Mémoire maximale', cpu: 'Temps processeur', wall: 'Temps écoulé', hostCalls: 'Appels à l’hôte', rowsIn: 'Lignes lues', rowsOut: 'Lignes écrites', component: 'Composant', bytes: 'octets',
  split: 'Largeur des étapes', compareTitle: (id) => `Comparée à ${id}`, compareSuccess: 'Comparer à la dernière réussite', thisRun: 'celle-ci', otherRun: 'l’autre', same: 'identique', noDifference: 'Les paramètres sont les mêmes.', closeCompare: 'Fermer la comparaison', noSuccess: 'Aucune exécution antérieure de ce job n’a réussi.',
  replayStored: (step) => (step ? `Répéter telle quelle, à partir de ${step}` : 'Répéter telle quelle'), replayStoredHint: 'avec la définition et les valeurs de cette exécution', replayCurrent: 'Relancer avec d’autres valeurs…', replayCurrentHint: 'avec la définition actuelle',
  keys: { whole: 'Montrer toute la frise', failure: 'Montrer le premier échec', previous: 'Exécution précédente', next: 'Exécution suivante', cancel: 'Annuler l’exécution', replay: 'Relancer', down: 'Ligne suivante', up: 'Ligne précédente', open: 'Ouvrir l’exécution' }, number,
}

export const t = pick(en, fr)
