/** The words about how accurately schedules fire. */
import { manyEn, manyFr, pick } from '../i18n'

const en = {
  title: 'How accurately schedules fire', span: 'Span', hours: { 24: 'last 24 hours', 168: 'last 7 days', 720: 'last 30 days' } as Record<number, string>, fires: 'Fires', fireLate: 'Recorded after', startLate: 'Begun after', of: (p50: string, p95: string, max: string) => `${p50} half of them · ${p95} 95 of 100 · ${max} the worst`, none: 'Nothing fired in this span.',
  chart: (hours: number) => `Lateness of the starts in each of ${manyEn(hours, 'hour', 'hours')}: the bar is what 95 of 100 took`, bar: (at: string, fires: number, p95: string, lost: number) => `${at}: ${manyEn(fires, 'fire', 'fires')}, 95 of 100 within ${p95}${lost > 0 ? `, ${lost} did not fire` : ''}`, legend: 'Bar: until 95 of 100 had begun. Mark below: slots that did not fire.', most: 'top',
  latest: 'The latest starts', run: 'Run', job: 'Job', due: 'Due', late: 'Late by', lost: 'Did not fire', lostNone: 'Every slot of this span fired.', outcome: 'Outcome', outcomes: { skipped: 'skipped', missed: 'missed', failed_to_start: 'failed to start' } as Record<string, string>, cause: 'Cause', truncated: 'There is more than is shown here.',
}

const fr: typeof en = {
  title: 'Précision des déclenchements', span: 'Période', hours: { 24: 'dernières 24 heures', 168: '7 derniers jours', 720: '30 derniers jours' }, fires: 'Déclenchements', fireLate: 'Enregistrés après', startLate: 'Commencés après', of: (p50, p95, max) => `${p50} la moitié · ${p95} 95 sur 100 · ${max} le pire`, none: 'Rien ne s’est déclenché dans cette période.',
  chart: (hours) => `Retard des départs pour chacune des ${manyFr(hours, 'heure', 'heures')} : la barre est ce qu’il a fallu à 95 sur 100`, bar: (at, fires, p95, lost) => `${at} : ${manyFr(fires, 'déclenchement', 'déclenchements')}, 95 sur 100 en ${p95}${lost > 0 ? `, ${lost} sans déclenchement` : ''}`, legend: 'Barre : jusqu’à ce que 95 sur 100 aient commencé. Marque en bas : créneaux non déclenchés.', most: 'haut',
  latest: 'Les départs les plus tardifs', run: 'Exécution', job: 'Job', due: 'Prévu', late: 'Retard', lost: 'Non déclenchés', lostNone: 'Chaque créneau de cette période s’est déclenché.', outcome: 'Issue', outcomes: { skipped: 'sauté', missed: 'manqué', failed_to_start: 'échec au départ' }, cause: 'Cause', truncated: 'Il y en a plus que ce qui est montré.',
}

export const t = pick(en, fr)
