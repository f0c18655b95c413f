/** The words of the calendar. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  title: 'Schedule', view: 'View', views: { agenda: 'Agenda', day: 'Day', week: 'Week', month: 'Month' }, today: 'Today', earlier: 'Earlier', later: 'Later', goTo: 'Date',
  zone: 'Zone', local: (name: string) => `local (${name})`, job: 'Job', anyJob: 'Any job', tag: 'Tag', anyTag: 'any tag', connector: 'Connector', anyConnector: 'any connector', state: 'State', anyState: 'any state',
  planned: 'planned', lost: 'fell through', disabled: 'Show what is switched off', off: 'off', clear: 'Clear the filters', filters: (n: number) => (n === 0 ? 'Filters and zone' : `Filters and zone (${n})`), now: 'now', dayHours: (hours: number) => `The clocks change: this day has ${hours} hours.`,
  outcomes: { fired: 'fired', skipped: 'skipped', missed: 'missed', failed_to_start: 'did not start' } as Record<string, string>,
  nothing: 'Nothing in this span of time.', nothingHint: 'A job fires by itself when it has a schedule and is switched on.', noneFits: 'Nothing fits the filters.', toJobs: 'Go to the jobs', none: 'nothing', showAll: (n: number) => `Show all ${n}`,
  truncated: 'More ran in this time than is shown: the newest are.', often: 'Fires too often to draw', everySeconds: (n: number) => (n === 1 ? 'every second' : `every ${n} s`), everyMinutes: (n: number) => (n === 1 ? 'every minute' : `every ${n} min`), everyHours: (n: number) => (n === 1 ? 'every hour' : `every ${n} h`),
  irregular: 'at many instants', perHour: (n: number) => `${n}/h`, fires: (n: string) => `${n} to come`, about: (n: string) => `about ${n}`, ran: (n: number) => manyEn(n, 'run', 'runs'), failed: (n: number) => `${n} failed`, lostOf: (n: number) => `${n} fell through`, latest: (reason: string) => `latest: ${reason}`, usually: (length: string) => `usually ${length}`, unknown: 'length unknown',
  load: 'Jobs at work by the quarter of an hour', loadAt: (time: string, n: number) => `${time}: ${manyEn(n, 'job', 'jobs')}`, busiest: 'Busiest', together: (n: number) => `${n} at once`, limit: (n: number) => `Pool of ${n}`, peak: (when: string) => `At work at ${when}`,
  more: (n: number) => `+${n}`, moreOf: (n: number, when: string) => `${manyEn(n, 'more thing', 'more things')} at ${when}`, runs: (n: number) => manyEn(n, 'run', 'runs'),
  cron: 'Schedule', fireZone: 'Its zone', at: 'At', length: 'Usual length', upTo: (length: string) => `up to ${length}`, next: 'Next', overrides: 'Its values', sameValues: 'those of the job', disable: 'Disable this schedule', disabling: 'Disabling…', isOff: 'This schedule is switched off.', edit: 'Edit the job', open: 'Open the job', reason: 'Reason', why: 'Why?', jobOff: 'The job is switched off.', noReason: 'No reason was recorded.', enable: 'Enable this schedule', enabling: 'Enabling…',
  download: 'Download as calendar', downloadHint: 'The fires shown here, as an .ics file', keys: { today: 'Show today', earlier: 'Show the time before', later: 'Show the time after', agenda: 'Agenda', day: 'One day', week: 'A week', month: 'A month' },
  fireOf: (job: string, time: string) => `${time} ${job}, planned`, lostItem: (job: string, time: string, what: string) => `${time} ${job}, ${what}`, runOf: (job: string, time: string, status: string) => `${time} ${job}, ${status}`, dayOf: (date: string) => `Show ${date}`, pastRuns: 'Past runs',
}

const fr: typeof en = {
  title: 'Calendrier', view: 'Vue', views: { agenda: 'Agenda', day: 'Jour', week: 'Semaine', month: 'Mois' }, today: 'Aujourd’hui', earlier: 'Avant', later: 'Après', goTo: 'Date',
  zone: 'Fuseau', local: (name) => `local (${name})`, job: 'Job', anyJob: 'Tous les jobs', tag: 'Étiquette', anyTag: 'toute étiquette', connector: 'Connecteur', anyConnector: 'tout connecteur', state: 'État', anyState: 'tout état',
  planned: 'prévu', lost: 'non parti', disabled: 'Montrer ce qui est désactivé', off: 'désactivé', clear: 'Effacer les filtres', filters: (n) => (n === 0 ? 'Filtres et fuseau' : `Filtres et fuseau (${n})`), now: 'maintenant', dayHours: (hours) => `Changement d’heure : ce jour compte ${hours} heures.`,
  outcomes: { fired: 'parti', skipped: 'sauté', missed: 'manqué', failed_to_start: 'n’a pas démarré' },
  nothing: 'Rien dans cette période.', nothingHint: 'Un job part de lui-même quand il a une planification et qu’il est activé.', noneFits: 'Rien ne correspond aux filtres.', toJobs: 'Aller aux jobs', none: 'rien', showAll: (n) => `Tout afficher (${n})`,
  truncated: 'Il y a eu plus d’exécutions dans cette période : seules les plus récentes sont affichées.', often: 'Part trop souvent pour être dessiné', everySeconds: (n) => (n === 1 ? 'chaque seconde' : `toutes les ${n} s`), everyMinutes: (n) => (n === 1 ? 'chaque minute' : `toutes les ${n} min`), everyHours: (n) => (n === 1 ? 'chaque heure' : `toutes les ${n} h`),
  irregular: 'à de nombreux instants', perHour: (n) => `${n}/h`, fires: (n) => `${n} à venir`, about: (n) => `environ ${n}`, ran: (n) => manyFr(n, 'exécution', 'exécutions'), failed: (n) => manyFr(n, 'échouée', 'échouées'), lostOf: (n) => manyFr(n, 'non partie', 'non parties'), latest: (reason) => `la dernière : ${reason}`, usually: (length) => `d’ordinaire ${length}`, unknown: 'durée inconnue',
  load: 'Jobs au travail par quart d’heure', loadAt: (time, n) => `${time} : ${manyFr(n, 'job', 'jobs')}`, busiest: 'Le plus chargé', together: (n) => `${n} à la fois`, limit: (n) => `Pool de ${n}`, peak: (when) => `Au travail à ${when}`,
  more: (n) => `+${n}`, moreOf: (n, when) => `${manyFr(n, 'autre élément', 'autres éléments')} à ${when}`, runs: (n) => manyFr(n, 'exécution', 'exécutions'),
  cron: 'Planification', fireZone: 'Son fuseau', at: 'À', length: 'Durée habituelle', upTo: (length) => `jusqu’à ${length}`, next: 'Suivants', overrides: 'Ses valeurs', sameValues: 'celles du job', disable: 'Désactiver cette planification', disabling: 'Désactivation…', isOff: 'Cette planification est désactivée.', edit: 'Modifier le job', open: 'Ouvrir le job', reason: 'Raison', why: 'Pourquoi ?', jobOff: 'Le job est désactivé.', noReason: 'Aucune raison n’a été notée.', enable: 'Activer cette planification', enabling: 'Activation…',
  download: 'Télécharger le calendrier', downloadHint: 'Les départs affichés ici, en fichier .ics', keys: { today: 'Afficher aujourd’hui', earlier: 'Afficher la période d’avant', later: 'Afficher la période d’après', agenda: 'Agenda', day: 'Un jour', week: 'Une semaine', month: 'Un mois' },
  fireOf: (job, time) => `${time} ${job}, prévu`, lostItem: (job, time, what) => `${time} ${job}, ${what}`, runOf: (job, time, status) => `${time} ${job}, ${status}`, dayOf: (date) => `Afficher le ${date}`, pastRuns: 'Exécutions passées',
}

export const t = pick(en, fr)

/** `every 5 min`, in the largest unit that is whole. */
export function rhythm(seconds: number, words = t): string {
  if (seconds % 3600 === 0) return words.everyHours(seconds / 3600)
  return seconds % 60 === 0 ? words.everyMinutes(seconds / 60) : words.everySeconds(seconds)
}
