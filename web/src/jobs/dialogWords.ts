/** The words of the run-with-parameters dialog. */
import { pick } from '../i18n'

const en = {
  title: (id: string) => `Run ${id}`, replayTitle: (id: string) => `Run ${id} again`, note: 'Values apply to this run only. The saved job stays as it is.', logLevel: 'Log level', params: 'Shared parameters', steps: 'Steps',
  levelInfo: 'INFO: row counts and progress marks', levelDebug: 'DEBUG: full SQL, about ten times the lines',
  runStep: (name: string) => `Run step ${name}`, skip: 'skip', all: 'All', none: 'None', fromHere: (name: string) => `From ${name} on`, onlyThis: (name: string) => `Only ${name}`, failedAndAfter: 'Failed and after',
  reset: 'Reset', resetField: (name: string) => `Reset ${name} to the saved value`, changes: 'Changes for this run', noChanges: 'Nothing: runs as saved.', close: 'Cancel', submit: 'Run', starting: 'Starting…', fix: 'Mend the marked values first.',
  notNumber: 'not a number', notJson: 'not valid JSON', on: 'on', off: 'off', argument: (step: string, key: string) => `${key} of step ${step}`, filterSteps: 'Filter steps',
  startFrom: 'Start from', saved: 'saved values', runOf: (when: string, who: string, how: string) => `${when} · ${who} · ${how}`, dryRun: 'dry run', dryRunHint: 'Nothing is changed when the job honors it.',
  destructive: 'empties tables', destructiveAsk: (id: string) => `This run may empty tables. Type ${id} to confirm.`, destructiveOf: (names: string, id: string) => `What this run does with ${names} cannot be taken back. Type ${id} to confirm.`, destructiveUnknown: (id: string) => `Whether these changes can be taken back could not be looked up. Type ${id} to confirm.`, stay: 'Stay here after the start', started: 'Started', openIt: 'open the run', secret: '•••• set on the server',
  unknownConnector: 'There is no connector of this name.', on_: (replica: string) => `Run on ${replica}`, copy: 'Copy this run', definitionOf: 'Definition', current: 'as it is now', stored: 'as it was in that run',
  storedHint: 'Runs with the values and the definition of that run, from the first chosen step on.', fromStep: 'From step', fromFirst: 'the first', failedHere: 'failed', rev: (n: number) => `version ${n}`, differs: 'they differ: show how',
  presets: 'Presets', lastValues: 'Last values', savePreset: 'Save as preset…', presetName: 'Name of the preset', keepPreset: 'Save', presetSaved: 'Saved as a preset.',
}

const fr: typeof en = {
  title: (id) => `Lancer ${id}`, replayTitle: (id) => `Relancer ${id}`, note: 'Ces valeurs ne valent que pour cette exécution. Le job enregistré ne change pas.', logLevel: 'Niveau du journal', params: 'Paramètres partagés', steps: 'Étapes',
  levelInfo: 'INFO : nombres de lignes et repères d’avancement', levelDebug: 'DEBUG : SQL complet, environ dix fois plus de lignes',
  runStep: (name) => `Exécuter l’étape ${name}`, skip: 'sautée', all: 'Toutes', none: 'Aucune', fromHere: (name) => `À partir de ${name}`, onlyThis: (name) => `Seulement ${name}`, failedAndAfter: 'L’échouée et les suivantes',
  reset: 'Réinitialiser', resetField: (name) => `Remettre ${name} à la valeur enregistrée`, changes: 'Changements pour cette exécution', noChanges: 'Aucun : exécution telle qu’enregistrée.', close: 'Annuler', submit: 'Lancer', starting: 'Lancement…', fix: 'Corrigez d’abord les valeurs signalées.',
  notNumber: 'pas un nombre', notJson: 'JSON invalide', on: 'oui', off: 'non', argument: (step, key) => `${key} de l’étape ${step}`, filterSteps: 'Filtrer les étapes',
  startFrom: 'Partir de', saved: 'valeurs enregistrées', runOf: (when, who, how) => `${when} · ${who} · ${how}`, dryRun: 'essai à blanc', dryRunHint: 'Rien n’est modifié si le job en tient compte.',
  destructive: 'vide des tables', destructiveAsk: (id) => `Cette exécution peut vider des tables. Tapez ${id} pour confirmer.`, destructiveOf: (names, id) => `Ce que cette exécution fait de ${names} est irréversible. Tapez ${id} pour confirmer.`, destructiveUnknown: (id) => `Impossible de savoir si ces changements sont réversibles. Tapez ${id} pour confirmer.`, stay: 'Rester ici après le lancement', started: 'Lancé', openIt: 'ouvrir l’exécution', secret: '•••• défini sur le serveur',
  unknownConnector: 'Aucun connecteur ne porte ce nom.', on_: (replica) => `Lancer sur ${replica}`, copy: 'Copier cette exécution', definitionOf: 'Définition', current: 'telle qu’elle est', stored: 'telle qu’elle était',
  storedHint: 'Reprend les valeurs et la définition de cette exécution, à partir de l’étape choisie.', fromStep: 'À partir de l’étape', fromFirst: 'la première', failedHere: 'échouée', rev: (n) => `version ${n}`, differs: 'elles diffèrent : montrer en quoi',
  presets: 'Préréglages', lastValues: 'Dernières valeurs', savePreset: 'Enregistrer comme préréglage…', presetName: 'Nom du préréglage', keepPreset: 'Enregistrer', presetSaved: 'Préréglage enregistré.',
}

export const t = pick(en, fr)
