/** The words of filters by time. */
import { pick } from '../i18n'

const en = {
  time: 'Time', anyTime: 'any time', custom: 'from … to …', from: 'From', to: 'To',
  ranges: { '15m': '15 minutes', '1h': 'an hour', '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as Record<string, string>,
}

const fr: typeof en = {
  time: 'Période', anyTime: 'n’importe quand', custom: 'du … au …', from: 'Du', to: 'Au',
  ranges: { '15m': '15 minutes', '1h': 'une heure', '24h': '24 heures', '7d': '7 jours', '30d': '30 jours', '90d': '90 jours' },
}

export const t = pick(en, fr)
