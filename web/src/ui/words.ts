/** The words of the shared parts. */
import { pick } from '../i18n'

const en = {
  copy: 'Copy', copyDetails: 'Copy details', copied: 'Copied', copyByHand: 'This page may not use the clipboard here: copy the selected text.',
  retry: 'Try again', hint: 'Hint', crash: 'This page ran into an error', requestId: 'Request', needs: (permission: string) => `You need the permission ${permission}.`,
  notReached: 'The server did not answer', loading: 'Loading…', close: 'Close', cancel: 'Cancel', done: 'Done', save: 'Save', remove: 'Remove',
  error: 'error', warning: 'warning', at: (file: string, line: number | null, column: number | null) => [file, line, column].filter((x) => x !== null).join(':'),
  now: 'now', justNow: 'just now', ahead: (x: string) => `in ${x}`, ago: (x: string) => `${x} ago`, local: 'local', utc: 'UTC', days: (n: number) => `${n} d`,
  noChoice: 'Nothing fits.', clear: 'Clear', typeToConfirm: (word: string) => `Type ${word} to confirm`, more: 'More actions', sortBy: (name: string) => `Sort by ${name}`,
  on: 'on', off: 'off', optional: 'optional',
  stale: 'Changed by somebody else', staleHint: 'It was saved meanwhile. Load it again and repeat your change.', reload: 'Load again',
}

const fr: typeof en = {
  copy: 'Copier', copyDetails: 'Copier les détails', copied: 'Copié', copyByHand: 'Cette page ne peut pas utiliser le presse-papiers ici : copiez le texte sélectionné.',
  retry: 'Réessayer', hint: 'Conseil', crash: 'Cette page a rencontré une erreur', requestId: 'Requête', needs: (permission) => `Il vous faut le droit ${permission}.`,
  notReached: 'Le serveur n’a pas répondu', loading: 'Chargement…', close: 'Fermer', cancel: 'Annuler', done: 'Fait', save: 'Enregistrer', remove: 'Retirer',
  error: 'erreur', warning: 'avertissement', at: (file, line, column) => [file, line, column].filter((x) => x !== null).join(':'),
  now: 'maintenant', justNow: 'à l’instant', ahead: (x) => `dans ${x}`, ago: (x) => `il y a ${x}`, local: 'locale', utc: 'UTC', days: (n) => `${n} j`,
  noChoice: 'Rien ne correspond.', clear: 'Effacer', typeToConfirm: (word) => `Tapez ${word} pour confirmer`, more: 'Autres actions', sortBy: (name) => `Trier par ${name}`,
  on: 'oui', off: 'non', optional: 'facultatif',
  stale: 'Modifié par quelqu’un d’autre', staleHint: 'L’objet a été enregistré entre-temps. Rechargez-le et refaites votre modification.', reload: 'Recharger',
}

export const t = pick(en, fr)
