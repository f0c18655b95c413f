/** The words of the log. */
import { manyEn, manyFr, number, pick } from '../i18n'

const en = {
  title: 'Log', lines: (n: number) => manyEn(n, 'line', 'lines'), running: (n: number) => `running, ${manyEn(n, 'line', 'lines')}`, shown: (n: number) => `${manyEn(n, 'line', 'lines')} shown`,
  search: 'Search all lines', searchLoaded: 'Search the loaded lines', previous: 'Previous match', next: 'Next match', case: 'Match case', regex: 'Regular expression', hits: (at: number, n: number, more: boolean) => `${at} / ${number(n)}${more ? '+' : ''}`, badPattern: 'not a regular expression',
  level: 'Lowest level shown', levels: { DEBUG: 'All levels', INFO: '≥ INFO', WARNING: '≥ WARNING', ERROR: 'ERROR' }, step: 'Step', allSteps: 'All steps', counts: (level: string, n: number) => `${number(n)} ${level}`,
  follow: 'Follow', following: 'Following', newLines: (n: number) => manyEn(n, 'new line', 'new lines'), empty: 'No line was written yet.', emptyFinal: 'This run wrote no line.', noMatch: 'No line passes this filter.',
  partly: (loaded: number, total: number) => `This server filters and searches loaded lines only: ${number(loaded)} of ${number(total)}.`, loadMore: 'Load more', failed: 'The log could not be read.', retry: 'Try again',
  view: 'Columns', columns: { number: 'Line numbers', level: 'Levels', step: 'Steps', wrap: 'Wrap long lines' }, times: { clock: 'Time of day', start: 'Time since the start', previous: 'Time since the line before', off: 'No time' }, shownItem: (name: string) => `✓ ${name}`,
  download: 'Download', whole: 'The whole log as text', wholeNdjson: 'The whole log as NDJSON', filtered: 'What the filter shows, as text', plainTab: 'As plain text in a new tab', wholeGzip: 'The whole log as text, compressed',
  selection: (from: number, to: number) => (from === to ? `Line ${number(from + 1)}` : `Lines ${number(from + 1)} to ${number(to + 1)}`), copyText: 'Copy the text', copyWithTime: 'Copy with time and level', copyLink: 'Copy the link', unselect: 'Unselect', inFull: 'In full', lineTitle: (n: number) => `Line ${number(n + 1)}`, pretty: 'As JSON', raw: 'As written',
  attempt: (step: string, n: number) => (n > 1 ? `${step} · attempt ${n}` : step), ofStep: (step: string, n: number) => `${step} · attempt ${n}`, minimap: 'Warnings, errors and matches along the log', foldAll: 'Fold all steps', unfoldAll: 'Unfold all steps', origin: 'Written by', origins: { all: 'All sources', steps: 'Steps only', run: 'Nomaflow only' }, onlyMatches: 'What is shown of the search', only: { all: 'All lines', matches: 'Matches only', context: 'Matches with 3 lines around' }, full: 'Only the log', unfull: 'The log beside the steps',
  keys: { search: 'Search the log', end: 'Follow the log', link: 'Copy the link of the selected line', wrap: 'Wrap long lines' },
}

const fr: typeof en = {
  title: 'Journal', lines: (n) => manyFr(n, 'ligne', 'lignes'), running: (n) => `en cours, ${manyFr(n, 'ligne', 'lignes')}`, shown: (n) => manyFr(n, 'ligne affichée', 'lignes affichées'),
  search: 'Chercher dans toutes les lignes', searchLoaded: 'Chercher dans les lignes chargées', previous: 'Occurrence précédente', next: 'Occurrence suivante', case: 'Respecter la casse', regex: 'Expression régulière', hits: (at, n, more) => `${at} / ${number(n)}${more ? '+' : ''}`, badPattern: 'expression régulière invalide',
  level: 'Niveau minimal affiché', levels: { DEBUG: 'Tous niveaux', INFO: '≥ INFO', WARNING: '≥ WARNING', ERROR: 'ERROR' }, step: 'Étape', allSteps: 'Toutes les étapes', counts: (level, n) => `${number(n)} ${level}`,
  follow: 'Suivre', following: 'Suivi', newLines: (n) => manyFr(n, 'nouvelle ligne', 'nouvelles lignes'), empty: 'Aucune ligne n’a encore été écrite.', emptyFinal: 'Cette exécution n’a écrit aucune ligne.', noMatch: 'Aucune ligne ne passe ce filtre.',
  partly: (loaded, total) => `Ce serveur ne filtre et ne cherche que dans les lignes chargées : ${number(loaded)} sur ${number(total)}.`, loadMore: 'En charger plus', failed: 'Le journal n’a pas pu être lu.', retry: 'Réessayer',
  view: 'Colonnes', columns: { number: 'Numéros de ligne', level: 'Niveaux', step: 'Étapes', wrap: 'Replier les lignes longues' }, times: { clock: 'Heure', start: 'Temps depuis le début', previous: 'Temps depuis la ligne d’avant', off: 'Sans heure' }, shownItem: (name) => `✓ ${name}`,
  download: 'Télécharger', whole: 'Tout le journal en texte', wholeNdjson: 'Tout le journal en NDJSON', filtered: 'Ce que montre le filtre, en texte', plainTab: 'En texte brut dans un nouvel onglet', wholeGzip: 'Tout le journal en texte, compressé',
  selection: (from, to) => (from === to ? `Ligne ${number(from + 1)}` : `Lignes ${number(from + 1)} à ${number(to + 1)}`), copyText: 'Copier le texte', copyWithTime: 'Copier avec heure et niveau', copyLink: 'Copier le lien', unselect: 'Désélectionner', inFull: 'En entier', lineTitle: (n) => `Ligne ${number(n + 1)}`, pretty: 'En JSON', raw: 'Tel quel',
  attempt: (step, n) => (n > 1 ? `${step} · tentative ${n}` : step), ofStep: (step, n) => `${step} · tentative ${n}`, minimap: 'Avertissements, erreurs et occurrences le long du journal', foldAll: 'Replier toutes les étapes', unfoldAll: 'Déplier toutes les étapes', origin: 'Écrit par', origins: { all: 'Toutes sources', steps: 'Étapes seulement', run: 'Nomaflow seulement' }, onlyMatches: 'Ce qui est montré de la recherche', only: { all: 'Toutes les lignes', matches: 'Occurrences seulement', context: 'Occurrences et 3 lignes autour' }, full: 'Le journal seul', unfull: 'Le journal à côté des étapes',
  keys: { search: 'Chercher dans le journal', end: 'Suivre le journal', link: 'Copier le lien de la ligne sélectionnée', wrap: 'Replier les lignes longues' },
}

export const t = pick(en, fr)
