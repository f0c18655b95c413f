/** The words of the connectors. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  title: 'Connectors', name: 'Name', type: 'Type', target: 'Target', pool: 'Pool', usedBy: 'Used by', lastTest: 'Last test', filter: 'Filter the connectors', filterHint: 'Name, type or target',
  none: 'No connector is declared.', noneHint: 'Declare one here, or in connectors.toml of the home folder.', noMatch: 'No connector fits.', clear: 'Clear the filter',
  reload: 'Read again', reloading: 'Reading…', reloaded: 'Read', hidden: 'You may not see connectors, or this server does not tell them.', hiddenHint: 'They are shown to whoever may see a job.',
  types: { sql: 'database', ldap: 'directory' } as Record<string, string>, readOnly: 'read only', noTarget: 'its address cannot be read',
  inUse: (n: number, size: number) => `${n} of ${size} in use`, gauge: (name: string) => `Connections of pool ${name}`, gaugeHint: 'As the process that answered has it; read again with every visit.', full: 'Every connection is in use: steps wait for one.', fullHint: 'Give it a larger pool_size, or the heavy jobs a pool of their own.', poolOf: (name: string) => `pool ${name}`,
  jobs: (n: number) => manyEn(n, 'job', 'jobs'), noJobs: 'No job you may see uses it.', notTested: 'not tested', works: 'works', fails: 'fails', notTestedHint: 'Results are kept while the server runs.',
  test: 'Test', testAll: 'Test', testing: 'Testing…', testOf: (name: string) => `Test ${name}`, testTitle: 'Test', passed: (ms: string) => `Passed in ${ms}.`, failedAt: (stage: string) => `Failed: ${stage}.`, notReached: 'not reached', noTest: 'You need the permission settings:jobs to test a connector.',
  stages: { declaration: 'What is declared', resolve: 'Find the host', connect: 'Connect', tls: 'Encrypt', 'sign-in': 'Sign in', query: 'Ask a simple question', version: 'Version of the server', time: 'Clock of the server' } as Record<string, string>, version: 'Server', encrypted: 'Encrypted', yes: 'yes', no: 'no', took: 'Took', stage: 'Stage', outcome: 'Outcome', detail: 'Found',
  facts: 'Declared', back: 'Connectors', gone: 'There is no such connector', goneHint: 'It was removed from connectors.toml, or renamed: the jobs that name it are invalid now.',
  tables: 'Tables', tablesHint: 'Part of a name', like: 'Find tables', noTables: 'No table or view has such a name.', truncated: 'There are more: type a part of the name.', view: 'view', table: 'table', copyName: (name: string) => `Copy ${name}`, directory: 'A directory has no tables.', look: 'Look at its tables', lookHint: 'Goes to the database.', count: (n: number) => manyEn(n, 'table or view', 'tables and views'),
  queries: 'Named queries', noQueries: 'No query is declared on it.', writable: 'may write', reads: 'reads', noText: 'It has no text for this kind of database.', use: 'In a step', schema: 'Schema', kind: 'Kind',
}

const fr: typeof en = {
  title: 'Connecteurs', name: 'Nom', type: 'Type', target: 'Cible', pool: 'Pool', usedBy: 'Utilisé par', lastTest: 'Dernier test', filter: 'Filtrer les connecteurs', filterHint: 'Nom, type ou cible',
  none: 'Aucun connecteur n’est déclaré.', noneHint: 'Déclarez-en un ici, ou dans connectors.toml du dossier du serveur.', noMatch: 'Aucun connecteur ne correspond.', clear: 'Effacer le filtre',
  reload: 'Relire', reloading: 'Relecture…', reloaded: 'Relu', hidden: 'Vous ne pouvez pas voir les connecteurs, ou ce serveur ne les donne pas.', hiddenHint: 'Ils sont montrés à qui peut voir un job.',
  types: { sql: 'base de données', ldap: 'annuaire' }, readOnly: 'lecture seule', noTarget: 'son adresse est illisible',
  inUse: (n, size) => `${n} sur ${size} en cours d’utilisation`, gauge: (name) => `Connexions du pool ${name}`, gaugeHint: 'Vu du processus qui a répondu ; relu à chaque visite.', full: 'Toutes les connexions sont prises : des étapes attendent.', fullHint: 'Augmentez pool_size, ou donnez aux jobs lourds leur propre pool.', poolOf: (name) => `pool ${name}`,
  jobs: (n) => manyFr(n, 'job', 'jobs'), noJobs: 'Aucun job visible pour vous ne l’utilise.', notTested: 'non testé', works: 'fonctionne', fails: 'en échec', notTestedHint: 'Les résultats sont gardés tant que le serveur tourne.',
  test: 'Tester', testAll: 'Tester', testing: 'Test…', testOf: (name) => `Tester ${name}`, testTitle: 'Test', passed: (ms) => `Réussi en ${ms}.`, failedAt: (stage) => `Échec : ${stage}.`, notReached: 'non atteint', noTest: 'Il vous faut le droit settings:jobs pour tester un connecteur.',
  stages: { declaration: 'Ce qui est déclaré', resolve: 'Trouver l’hôte', connect: 'Se connecter', tls: 'Chiffrer', 'sign-in': 'S’identifier', query: 'Poser une question simple', version: 'Version du serveur', time: 'Horloge du serveur' }, version: 'Serveur', encrypted: 'Chiffré', yes: 'oui', no: 'non', took: 'Durée', stage: 'Phase', outcome: 'Résultat', detail: 'Constat',
  facts: 'Déclaré', back: 'Connecteurs', gone: 'Ce connecteur n’existe pas', goneHint: 'Il a été retiré de connectors.toml, ou renommé : les jobs qui le nomment sont désormais invalides.',
  tables: 'Tables', tablesHint: 'Partie d’un nom', like: 'Chercher des tables', noTables: 'Aucune table ni vue ne porte un tel nom.', truncated: 'Il y en a davantage : tapez une partie du nom.', view: 'vue', table: 'table', copyName: (name) => `Copier ${name}`, directory: 'Un annuaire n’a pas de tables.', look: 'Voir ses tables', lookHint: 'Interroge la base.', count: (n) => manyFr(n, 'table ou vue', 'tables et vues'),
  queries: 'Requêtes nommées', noQueries: 'Aucune requête n’y est déclarée.', writable: 'peut écrire', reads: 'lit', noText: 'Elle n’a pas de texte pour ce type de base.', use: 'Dans une étape', schema: 'Schéma', kind: 'Nature',
}

export const t = pick(en, fr)
