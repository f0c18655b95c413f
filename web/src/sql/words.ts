/** The words of the SQL editor. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  check: 'Check', checking: 'Checking…', checkHint: 'The database looks at it and runs nothing (Ctrl+Enter)', noConnector: 'Choose a connector first: its database does the checking.', keys: 'Ctrl+Enter checks it, Ctrl+Space completes',
  sound: 'fine', returns: (columns: string) => `fine, returns ${columns}`, unknown: 'not known before it runs', fine: (n: number) => `${manyEn(n, 'statement', 'statements')} checked, none was run`, empty: 'There is no statement in it.',
  wrong: (n: number) => manyEn(n, 'mistake', 'mistakes'), noValue: (names: string) => `no value here for ${names}`, lineOf: (line: number, column: number) => `line ${line}, column ${column}`, more: (n: number) => `${n} more`,
  named: 'named query', table: 'table', view: 'view',
}

const fr: typeof en = {
  check: 'Vérifier', checking: 'Vérification…', checkHint: 'La base l’examine et n’exécute rien (Ctrl+Entrée)', noConnector: 'Choisissez d’abord un connecteur : c’est sa base qui vérifie.', keys: 'Ctrl+Entrée vérifie, Ctrl+Espace complète',
  sound: 'correct', returns: (columns) => `correct, rend ${columns}`, unknown: 'pas connu avant l’exécution', fine: (n) => `${manyFr(n, 'instruction vérifiée', 'instructions vérifiées')}, aucune exécutée`, empty: 'Il n’y a aucune instruction.',
  wrong: (n) => manyFr(n, 'erreur', 'erreurs'), noValue: (names) => `pas de valeur ici pour ${names}`, lineOf: (line, column) => `ligne ${line}, colonne ${column}`, more: (n) => `${n} de plus`,
  named: 'requête nommée', table: 'table', view: 'vue',
}

export const t = pick(en, fr)
