/** The words about how busy it was. */
import { pick } from '../i18n'

const en = {
  title: 'How busy it was', hours: 'last 24 hours', refresh: 'Read again', asOf: 'As of',
  running: 'Runs at once', queued: 'Runs that waited', lines: 'Log lines a second', pool: (name: string) => `Connections of ${name}`, waiting: (name: string) => `Steps that waited for ${name}`,
  hint: 'A bar is a quarter of an hour, of all processes together: runs and waiting runs the most at once, lines on average.', poolHint: (replica: string) => `Connections are those of ${replica}, the process that answers, since it began.`,
  never: 'none', most: (value: string, at: string) => `${value} the most, ${at}`, label: (name: string, most: string) => `${name}, by quarters of an hour: ${most}`, bar: (at: string, value: string) => `${at}: ${value}`, of: (value: string, size: number) => `${value} of ${size}`,
  unused: 'Not used', table: 'As a table', quarter: 'Quarter of an hour from', pools: 'Connections in use', quiet: 'Nothing happened in this time.', leftOut: 'Quarters in which nothing happened are left out. After + are steps that waited.',
}

const fr: typeof en = {
  title: 'Charge', hours: 'dernières 24 heures', refresh: 'Relire', asOf: 'État à',
  running: 'Exécutions simultanées', queued: 'Exécutions en attente', lines: 'Lignes de journal par seconde', pool: (name) => `Connexions de ${name}`, waiting: (name) => `Étapes en attente de ${name}`,
  hint: 'Une barre est un quart d’heure, tous processus confondus : le plus d’exécutions et d’attentes à la fois, les lignes en moyenne.', poolHint: (replica) => `Les connexions sont celles de ${replica}, le processus qui répond, depuis son démarrage.`,
  never: 'aucune', most: (value, at) => `${value} au plus, ${at}`, label: (name, most) => `${name}, par quarts d’heure : ${most}`, bar: (at, value) => `${at} : ${value}`, of: (value, size) => `${value} sur ${size}`,
  unused: 'Pas utilisées', table: 'En tableau', quarter: 'Quart d’heure à partir de', pools: 'Connexions utilisées', quiet: 'Rien ne s’est passé dans ce temps.', leftOut: 'Les quarts d’heure où rien ne s’est passé sont omis. Après + : les étapes en attente.',
}

export const t = pick(en, fr)
