/** The words of the frame: navigation, live state, palette, shortcuts, sign-in. */
import { pick } from '../i18n'

const en = {
  product: 'Nomaflow', main: 'Main', skip: 'Skip to the content',
  jobs: 'Jobs', runs: 'Runs', schedule: 'Schedule', plugins: 'Plugins', connectors: 'Connectors', alerts: 'Alerts', health: 'Health', settings: 'Settings', more: 'More',
  narrow: 'Fold the menu', wide: 'Unfold the menu', signOut: 'Sign out', account: 'Account and appearance', search: 'Search', searchHint: 'Search everything (Ctrl K)',
  live: 'live', connecting: 'connecting…', signedOut: 'signed out', polling: (seconds: number) => `polling every ${seconds} s`, offline: (since: string) => `offline since ${since}`,
  reconnect: 'Try to reconnect now', liveHint: 'Changes appear by themselves.', offlineHint: 'What is shown may be out of date.',
  scheduler: (state: string) => `scheduler ${state}`, paused: (by: string) => `Schedules are paused by ${by}.`, pausedHint: 'Manual runs go on.', replica: (name: string) => `answered by ${name}`,
  upgraded: 'The server was upgraded.', reloadPage: 'Reload the page', notFound: 'There is no such page', toJobs: 'Go to the jobs',
  noPermission: 'You may not see this page', noPermissionHint: 'Ask whoever manages the permissions here.',
  themeLabel: 'Theme', theme: { system: 'as the system', light: 'light', dark: 'dark' }, zoneLabel: 'Times', zone: { local: 'local', utc: 'UTC', job: 'zone of the job' },
  languageLabel: 'Language', language: { auto: 'as the browser', en: 'English', fr: 'Français' }, densityLabel: 'Rows', density: { comfortable: 'comfortable', compact: 'compact' },
  shortcutsLabel: 'Single-key shortcuts', keys: 'Keyboard shortcuts', keysHint: 'They do nothing while you type.', keysNone: 'Single-key shortcuts are off.',
  go: (page: string) => `Go to ${page}`, openPalette: 'Search jobs, runs, connectors, plugins and pages', showKeys: 'Show this list',
  palette: 'Search everything', paletteBox: 'Job, run id, connector, plugin, page', nothing: 'Nothing fits.', results: (n: number) => (n === 1 ? '1 result' : `${n} results`),
  kinds: { job: 'job', run: 'run', connector: 'connector', plugin: 'plugin', page: 'page', log: 'log' }, openRun: (id: string) => `Open run ${id}`, runIt: 'Alt Enter runs it',
  started: (job: string) => `Started ${job}.`,
  copyCli: 'Copy as command line', copyHttp: 'Copy as HTTP request', copiedCli: 'Command line copied', copiedHttp: 'HTTP request copied',
  signIn: 'Sign in', user: 'User', password: 'Password', token: 'Access token', signingIn: 'Signing in…', denied: 'The server did not accept that.', deniedToken: 'The server did not accept this token.',
  wait: (seconds: number) => `Too many attempts. Try again in ${seconds} s.`, capsLock: 'Caps Lock is on.', withToken: 'Sign in with a token', withPassword: 'Sign in with a password', or: 'or',
  with: (label: string) => `Sign in with ${label}`, tokenHelp: 'The first token was written to', tokenFile: 'data/bootstrap.token', tokenHelpAfter: 'in the home folder of the server. Only its owner may read it.',
  again: 'You were signed out', againHint: 'Sign in again to go on; what you typed is still there.',
  newPassword: 'Choose your own password', newPasswordHint: 'The one you were given works once.', oldPassword: 'The password you were given', chosen: 'New password', repeat: 'New password, once more',
  different: 'The two are not the same.', tooShort: 'At least 12 characters.', change: 'Change the password', changing: 'Changing…',
}

const fr: typeof en = {
  product: 'Nomaflow', main: 'Navigation principale', skip: 'Aller au contenu',
  jobs: 'Jobs', runs: 'Exécutions', schedule: 'Calendrier', plugins: 'Plugins', connectors: 'Connecteurs', alerts: 'Alertes', health: 'Santé', settings: 'Réglages', more: 'Plus',
  narrow: 'Replier le menu', wide: 'Déplier le menu', signOut: 'Se déconnecter', account: 'Compte et apparence', search: 'Rechercher', searchHint: 'Tout rechercher (Ctrl K)',
  live: 'en direct', connecting: 'connexion…', signedOut: 'déconnecté', polling: (seconds) => `relecture toutes les ${seconds} s`, offline: (since) => `hors ligne depuis ${since}`,
  reconnect: 'Se reconnecter maintenant', liveHint: 'Les changements apparaissent d’eux-mêmes.', offlineHint: 'L’affichage peut être dépassé.',
  scheduler: (state) => `planificateur ${state}`, paused: (by) => `Les planifications sont suspendues par ${by}.`, pausedHint: 'Les exécutions manuelles continuent.', replica: (name) => `réponse de ${name}`,
  upgraded: 'Le serveur a été mis à jour.', reloadPage: 'Recharger la page', notFound: 'Cette page n’existe pas', toJobs: 'Aller aux jobs',
  noPermission: 'Vous ne pouvez pas voir cette page', noPermissionHint: 'Adressez-vous à la personne qui gère les droits.',
  themeLabel: 'Thème', theme: { system: 'comme le système', light: 'clair', dark: 'sombre' }, zoneLabel: 'Heures', zone: { local: 'locales', utc: 'UTC', job: 'fuseau du job' },
  languageLabel: 'Langue', language: { auto: 'comme le navigateur', en: 'English', fr: 'Français' }, densityLabel: 'Lignes', density: { comfortable: 'aérées', compact: 'serrées' },
  shortcutsLabel: 'Raccourcis à une touche', keys: 'Raccourcis clavier', keysHint: 'Ils ne font rien pendant la saisie.', keysNone: 'Les raccourcis à une touche sont désactivés.',
  go: (page) => `Aller à : ${page}`, openPalette: 'Rechercher jobs, exécutions, connecteurs, plugins et pages', showKeys: 'Afficher cette liste',
  palette: 'Tout rechercher', paletteBox: 'Job, numéro d’exécution, connecteur, plugin, page', nothing: 'Rien ne correspond.', results: (n) => (n < 2 ? `${n} résultat` : `${n} résultats`),
  kinds: { job: 'job', run: 'exécution', connector: 'connecteur', plugin: 'plugin', page: 'page', log: 'journal' }, openRun: (id) => `Ouvrir l’exécution ${id}`, runIt: 'Alt Entrée le lance',
  started: (job) => `${job} est lancé.`,
  copyCli: 'Copier en ligne de commande', copyHttp: 'Copier en requête HTTP', copiedCli: 'Ligne de commande copiée', copiedHttp: 'Requête HTTP copiée',
  signIn: 'Connexion', user: 'Utilisateur', password: 'Mot de passe', token: 'Jeton d’accès', signingIn: 'Connexion…', denied: 'Le serveur n’a pas accepté ces identifiants.', deniedToken: 'Le serveur n’a pas accepté ce jeton.',
  wait: (seconds) => `Trop de tentatives. Réessayez dans ${seconds} s.`, capsLock: 'Verr. Maj est actif.', withToken: 'Se connecter avec un jeton', withPassword: 'Se connecter avec un mot de passe', or: 'ou',
  with: (label) => `Se connecter avec ${label}`, tokenHelp: 'Le premier jeton a été écrit dans', tokenFile: 'data/bootstrap.token', tokenHelpAfter: 'dans le dossier du serveur. Seul son propriétaire peut le lire.',
  again: 'Votre session est terminée', againHint: 'Reconnectez-vous pour continuer ; votre saisie est conservée.',
  newPassword: 'Choisissez votre mot de passe', newPasswordHint: 'Celui que vous avez reçu ne sert qu’une fois.', oldPassword: 'Le mot de passe reçu', chosen: 'Nouveau mot de passe', repeat: 'Nouveau mot de passe, encore une fois',
  different: 'Les deux ne sont pas identiques.', tooShort: '12 caractères au moins.', change: 'Changer le mot de passe', changing: 'Changement…',
}

export const t = pick(en, fr)
