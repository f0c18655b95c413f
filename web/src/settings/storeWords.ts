/** The words about the store: its tables, what a shorter history would remove, and what to save. */
import { pick } from '../i18n'

const en = {
  tables: 'What it takes', table: 'Table', rows: 'Rows', size: 'Size', perDay: 'Rows a day', sizePerDay: 'Growth a day', total: 'All together', tablesHint: 'Growth is that of the last 7 days. Rows of large tables are the database’s own estimate.', pools: 'Connections', poolOf: (idle: number, size: number, waiting: number) => `${idle} of ${size} free, ${waiting} waiting`,
  estimate: 'What another setting would remove', keepDays: 'Days to keep', keepHint: '1 to 36,500. Nothing is removed by asking.', daysWrong: 'A whole number from 1 to 36,500.', count: 'Count', counting: 'Counting…', counted: 'Counted', wouldGo: 'Would go', before: 'Ended before', setIt: (days: number) => `To keep so much: history_days = ${days} below [jobs] in app.toml, and a restart.`,
  backupLast: 'Last backup', never: 'There is none that the audit trail knows of.', by: (name: string) => `by ${name}`, old: 'That is long ago for a server that runs every night.', take: 'Take one', takeHint: 'On the machine of the server; it goes on meanwhile.', check: 'Check that it is whole', copyLine: 'Copy the line',
  things: 'What to save', thing: 'What', place: 'Where', state: 'State', names: { store: 'The store', files: 'The files of the home', key: 'The key' } as Record<string, string>, reachable: 'can be read', unreachable: 'cannot be read',
  meanings: { store: 'Runs, logs, accounts, audit trail, versions, sealed secrets.', files: 'Settings, connectors, jobs and plugins.', key: 'Opens every sealed secret. It is not in a backup unless asked for: keep a copy in another place.' } as Record<string, string>,
  order: 'Putting it back', orderHint: 'On an empty machine, in this order.', steps: ['Install the same version of the program, or a later one.', 'Restore the archive into an empty folder. It is checked first; either everything is put in place or nothing.', 'Put the key back to data/secrets.key, readable by its owner only, unless the archive has it.', 'Look at what doctor says.', 'Start the server. Runs that were under way when the backup was taken are marked as lost in restart.'],
}

const fr: typeof en = {
  tables: 'Ce que cela occupe', table: 'Table', rows: 'Lignes', size: 'Taille', perDay: 'Lignes par jour', sizePerDay: 'Croissance par jour', total: 'En tout', tablesHint: 'La croissance est celle des 7 derniers jours. Les lignes des grandes tables sont estimées par la base.', pools: 'Connexions', poolOf: (idle, size, waiting) => `${idle} sur ${size} libres, ${waiting} en attente`,
  estimate: 'Ce qu’un autre réglage supprimerait', keepDays: 'Jours à garder', keepHint: '1 à 36 500. Demander ne supprime rien.', daysWrong: 'Un nombre entier de 1 à 36 500.', count: 'Compter', counting: 'Comptage…', counted: 'Compté', wouldGo: 'Partirait', before: 'Fini avant', setIt: (days) => `Pour garder autant : history_days = ${days} sous [jobs] dans app.toml, et un redémarrage.`,
  backupLast: 'Dernière sauvegarde', never: 'Le journal d’audit n’en connaît aucune.', by: (name) => `par ${name}`, old: 'C’est loin pour un serveur qui travaille chaque nuit.', take: 'En faire une', takeHint: 'Sur la machine du serveur ; il continue pendant ce temps.', check: 'Vérifier qu’elle est entière', copyLine: 'Copier la ligne',
  things: 'Ce qu’il faut sauver', thing: 'Quoi', place: 'Où', state: 'État', names: { store: 'La base', files: 'Les fichiers du dossier', key: 'La clé' }, reachable: 'lisible', unreachable: 'illisible',
  meanings: { store: 'Exécutions, journaux, comptes, audit, versions, secrets scellés.', files: 'Réglages, connecteurs, jobs et plugins.', key: 'Ouvre chaque secret scellé. Elle n’est pas dans une sauvegarde sans qu’on le demande : gardez-en une copie ailleurs.' },
  order: 'Remettre en place', orderHint: 'Sur une machine vide, dans cet ordre.', steps: ['Installer la même version du programme, ou une plus récente.', 'Restaurer l’archive dans un dossier vide. Elle est d’abord vérifiée ; tout est mis en place, ou rien.', 'Remettre la clé dans data/secrets.key, lisible par son seul propriétaire, si l’archive ne l’a pas.', 'Regarder ce que dit doctor.', 'Démarrer le serveur. Les exécutions en cours lors de la sauvegarde sont marquées comme perdues dans un redémarrage.'],
}

export const t = pick(en, fr)
