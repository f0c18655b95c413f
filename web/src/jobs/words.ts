import { pick } from '../i18n'
const en = { alreadyRunning: 'Already running', openIt: 'open it' }
const fr: typeof en = { alreadyRunning: 'Déjà en cours', openIt: 'ouvrir' }
export const t = pick(en, fr)
