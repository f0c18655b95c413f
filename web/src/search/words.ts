/** The words of the search over all logs. */
import { number, pick } from '../i18n'

const en = {
  title: 'Log search', words: 'Words to look for', box: 'Words of a line: rows f0004, "no such table", nomajde.f00*', search: 'Search', searching: 'Searching…', again: 'Search again',
  job: 'Job', allJobs: 'All jobs', level: 'Lowest level', anyLevel: 'Any level', clear: 'Clear the filters', from: (at: string) => `since ${at}`, to: (at: string) => `before ${at}`,
  begin: 'Search the logs of all runs', hint: 'Every word has to be in the line, in any order and case. Words between quotes, or joined as in schema.table, follow each other. A star ends a beginning: f00*.',
  none: 'No line has these words', noneHint: 'Words are whole words: put * after a beginning.', noneHere: 'No line found yet',
  more: 'Older lines', loading: 'Searching further back…', hits: (lines: number, more: boolean) => `${number(lines)}${more ? '+' : ''} ${lines === 1 ? 'line' : 'lines'}`, newest: 'newest first',
  incomplete: 'The search took too long and stopped here. Go on, or name rarer words, a job or a time.', line: (n: number) => `Line ${n}`, ofRun: (run: string) => `Hits in run ${run}`,
  indexing: (at: string) => `Lines from before ${at} are still being indexed and may be missing.`,
}

const fr: typeof en = {
  title: 'Recherche dans les journaux', words: 'Mots à chercher', box: 'Mots d’une ligne : rows f0004, "no such table", nomajde.f00*', search: 'Chercher', searching: 'Recherche…', again: 'Chercher à nouveau',
  job: 'Job', allJobs: 'Tous les jobs', level: 'Niveau minimal', anyLevel: 'Tous niveaux', clear: 'Effacer les filtres', from: (at) => `depuis ${at}`, to: (at) => `avant ${at}`,
  begin: 'Chercher dans les journaux de toutes les exécutions', hint: 'Chaque mot doit figurer dans la ligne, dans n’importe quel ordre et sans égard à la casse. Des mots entre guillemets, ou joints comme dans schema.table, se suivent. Une étoile termine un début : f00*.',
  none: 'Aucune ligne ne contient ces mots', noneHint: 'Les mots sont entiers : mettez * après un début.', noneHere: 'Aucune ligne trouvée pour l’instant',
  more: 'Lignes plus anciennes', loading: 'Recherche plus loin…', hits: (lines, more) => `${number(lines)}${more ? '+' : ''} ${lines < 2 ? 'ligne' : 'lignes'}`, newest: 'les plus récentes d’abord',
  incomplete: 'La recherche a duré trop longtemps et s’est arrêtée ici. Continuez, ou donnez des mots plus rares, un job ou une période.', line: (n) => `Ligne ${n}`, ofRun: (run) => `Résultats dans l’exécution ${run}`,
  indexing: (at) => `Les lignes d’avant ${at} sont en cours d’indexation et peuvent manquer.`,
}

export const t = pick(en, fr)
