/** The words of the plugins. */
import { manyEn, manyFr, pick } from '../i18n'
import type { Area, Verdict } from './grants'

const en = {
  title: 'Plugins', filter: 'Filter the plugins', filterHint: 'Name, app or callable', clear: 'Clear the filter', reload: 'Read again', reloading: 'Reading…', reloaded: 'Read', back: 'Plugins',
  none: 'There is no plugin yet.', noneHint: 'Put a component (name.wasm) or a Python package into a folder of an app, then read again.', noMatch: 'No plugin fits.', problems: 'Some apps could not be looked at',
  hidden: 'You may not see plugins, or this server does not tell them.', hiddenHint: 'They are shown to whoever may see a job.', gone: 'There is no such plugin', goneHint: 'Its file was removed or renamed. Steps that call it fail until it is back.', expected: (path: string) => `Plugins are looked for below ${path}.`,
  name: 'Name', kind: 'Kind', app: 'App', state: 'State', callables: 'Callables', usedBy: 'Used by', access: 'Access', size: 'Size', digest: 'SHA-256', file: 'File', kinds: { component: 'component', python: 'Python module' } as Record<string, string>,
  states: { loaded: 'loaded', compiling: 'compiling', failed: 'failed to load' } as Record<string, string>, count: (n: number) => manyEn(n, 'callable', 'callables'), jobs: (n: number) => manyEn(n, 'job', 'jobs'), steps: (n: number) => manyEn(n, 'step', 'steps'), bytes: 'bytes',
  unused: 'No job you may see calls it.', open: 'Open', facts: 'The file', noCallables: 'It offers nothing that can be called.', callableOf: 'Its callables', example: 'An example of a step', copyExample: 'Copy the step', params: 'Parameters', result: 'Result', noParams: 'It takes no parameters.', anyParams: 'It names no parameters and takes any.', openParams: 'It takes other parameters too.', noDoc: 'Its author says nothing about it.', schema: 'JSON Schema',
  param: 'Parameter', type: 'Type', required: 'required', optional: 'optional', fallback: 'Default', meaning: 'Meaning', any: 'anything', calls: 'Called by', noCalls: 'No job you may see calls this one.', more: (n: number) => `${n} more`,
  grants: 'What it may touch', grantsLead: 'It runs in a sandbox: what is not granted in the file beside it, it cannot do.', noFile: 'There is no file of grants: nothing is granted.', grantsFile: 'File of grants', pythonGrants: 'A Python module runs in a worker process with the rights of the server’s account. No grants hold it; what must be held back belongs into a component.',
  areas: { connectors: 'Databases', http: 'Web addresses', ldap: 'Directories (LDAP)', secrets: 'Secrets', state: 'A memory of its own', directories: 'Folders', env: 'Environment variables' } satisfies Record<Area, string>,
  verdicts: { granted: 'granted', denied: 'asks, not granted: such calls fail', unused: 'granted, but it does not ask for it', none: 'does not ask, nothing granted', untold: 'nothing granted' } satisfies Record<Verdict, string>,
  area: 'Area', asks: 'Asked and granted', granted: 'Exactly', sockets: 'Never: network sockets, other processes, files outside of granted folders.', toGrant: 'To grant it:', asksMore: (n: number) => `asks for ${n} it has not`, holds: 'as granted', nothing: 'nothing', full: 'rights of the server',
  limits: 'Limits of a call', usual: 'usual', unlimited: 'none', stepLimit: 'the time limit of the step',
  limitNames: { memory_mb: 'Memory', wall_seconds: 'Time', cpu_seconds: 'Processor time', output_bytes: 'Result', response_bytes: 'One web answer', log_lines: 'Log lines', log_lines_per_second: 'Log lines in a second', table_elements: 'Table elements', stack_kb: 'Stack' } as Record<string, string>,
  compilingHint: 'It is being made ready; this takes a moment after a change.',
}

const fr: typeof en = {
  title: 'Plugins', filter: 'Filtrer les plugins', filterHint: 'Nom, application ou fonction', clear: 'Effacer le filtre', reload: 'Relire', reloading: 'Relecture…', reloaded: 'Relu', back: 'Plugins',
  none: 'Il n’y a pas encore de plugin.', noneHint: 'Déposez un composant (nom.wasm) ou un paquet Python dans le dossier d’une application, puis relisez.', noMatch: 'Aucun plugin ne correspond.', problems: 'Certaines applications n’ont pas pu être examinées',
  hidden: 'Vous ne pouvez pas voir les plugins, ou ce serveur ne les donne pas.', hiddenHint: 'Ils sont montrés à qui peut voir un job.', gone: 'Ce plugin n’existe pas', goneHint: 'Son fichier a été retiré ou renommé. Les étapes qui l’appellent échouent jusqu’à son retour.', expected: (path) => `Les plugins sont cherchés sous ${path}.`,
  name: 'Nom', kind: 'Nature', app: 'Application', state: 'État', callables: 'Fonctions', usedBy: 'Utilisé par', access: 'Accès', size: 'Taille', digest: 'SHA-256', file: 'Fichier', kinds: { component: 'composant', python: 'module Python' },
  states: { loaded: 'chargé', compiling: 'en compilation', failed: 'non chargé' }, count: (n) => manyFr(n, 'fonction', 'fonctions'), jobs: (n) => manyFr(n, 'job', 'jobs'), steps: (n) => manyFr(n, 'étape', 'étapes'), bytes: 'octets',
  unused: 'Aucun job visible pour vous ne l’appelle.', open: 'Ouvrir', facts: 'Le fichier', noCallables: 'Il n’offre rien à appeler.', callableOf: 'Ses fonctions', example: 'Un exemple d’étape', copyExample: 'Copier l’étape', params: 'Paramètres', result: 'Résultat', noParams: 'Elle ne prend aucun paramètre.', anyParams: 'Elle ne nomme aucun paramètre et les accepte tous.', openParams: 'Elle accepte aussi d’autres paramètres.', noDoc: 'Son auteur n’en dit rien.', schema: 'JSON Schema',
  param: 'Paramètre', type: 'Type', required: 'obligatoire', optional: 'facultatif', fallback: 'Par défaut', meaning: 'Sens', any: 'tout', calls: 'Appelée par', noCalls: 'Aucun job visible pour vous ne l’appelle.', more: (n) => `${n} de plus`,
  grants: 'Ce qu’il peut toucher', grantsLead: 'Il tourne dans un bac à sable : ce qui n’est pas accordé dans le fichier à côté de lui, il ne peut pas le faire.', noFile: 'Il n’y a pas de fichier d’autorisations : rien n’est accordé.', grantsFile: 'Fichier d’autorisations', pythonGrants: 'Un module Python tourne dans un processus auxiliaire avec les droits du compte du serveur. Aucune autorisation ne le retient ; ce qui doit l’être a sa place dans un composant.',
  areas: { connectors: 'Bases de données', http: 'Adresses web', ldap: 'Annuaires (LDAP)', secrets: 'Secrets', state: 'Une mémoire à lui', directories: 'Dossiers', env: 'Variables d’environnement' },
  verdicts: { granted: 'accordé', denied: 'demandé, non accordé : ces appels échouent', unused: 'accordé, mais il ne le demande pas', none: 'ni demandé, ni accordé', untold: 'rien n’est accordé' },
  area: 'Domaine', asks: 'Demandé et accordé', granted: 'Précisément', sockets: 'Jamais : prises réseau, autres processus, fichiers hors des dossiers accordés.', toGrant: 'Pour l’accorder :', asksMore: (n) => manyFr(n, 'demande non accordée', 'demandes non accordées'), holds: 'comme accordé', nothing: 'rien', full: 'droits du serveur',
  limits: 'Limites d’un appel', usual: 'habituelle', unlimited: 'aucune', stepLimit: 'la durée limite de l’étape',
  limitNames: { memory_mb: 'Mémoire', wall_seconds: 'Durée', cpu_seconds: 'Temps processeur', output_bytes: 'Résultat', response_bytes: 'Une réponse web', log_lines: 'Lignes de journal', log_lines_per_second: 'Lignes de journal par seconde', table_elements: 'Éléments de tables', stack_kb: 'Pile' },
  compilingHint: 'Il est en préparation ; cela prend un moment après une modification.',
}

export const t = pick(en, fr)
