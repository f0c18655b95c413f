/**
 * A schedule in plain words, for the shapes people write most. Anything else has no words: the next fires, which the
 * server computes, then speak for themselves. Pure; it never decides when something fires.
 */
import { language } from '../i18n'

const DAYS = {
  en: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
  fr: ['dimanche', 'lundi', 'mardi', 'mercredi', 'jeudi', 'vendredi', 'samedi'],
}
const NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const words = {
  en: {
    minute: 'every minute', minutes: (n: number) => `every ${n} minutes`, hour: 'every hour', pastHour: (m: number) => `every hour at minute ${m}`, hours: (n: number, m: number) => `every ${n} hours at minute ${m}`,
    day: (at: string) => `every day at ${at}`, weekdays: (at: string) => `on weekdays at ${at}`, on: (days: string, at: string) => `every ${days} at ${at}`, month: (day: number, at: string) => `on day ${day} of every month at ${at}`,
    and: ' and ', second: 'every second', seconds: (n: number) => `every ${n} seconds`,
  },
  fr: {
    minute: 'chaque minute', minutes: (n: number) => `toutes les ${n} minutes`, hour: 'chaque heure', pastHour: (m: number) => `chaque heure à la minute ${m}`, hours: (n: number, m: number) => `toutes les ${n} heures à la minute ${m}`,
    day: (at: string) => `chaque jour à ${at}`, weekdays: (at: string) => `du lundi au vendredi à ${at}`, on: (days: string, at: string) => `chaque ${days} à ${at}`, month: (day: number, at: string) => `le ${day} de chaque mois à ${at}`,
    and: ' et ', second: 'chaque seconde', seconds: (n: number) => `toutes les ${n} secondes`,
  },
}

const two = (n: number) => String(n).padStart(2, '0')
const single = (text: string, most: number) => (/^\d+$/.test(text) && Number(text) <= most ? Number(text) : null)
const every = (text: string) => (/^\*\/[1-9]\d*$/.test(text) ? Number(text.slice(2)) : null)

function dayNumber(text: string): number | null {
  const named = NAMES.indexOf(text.toLowerCase())
  if (named >= 0) return named
  const n = single(text, 7)
  return n === null ? null : n % 7
}

/** Five fields, or six with the seconds last; null when there are no short words for it. */
export function cronWords(text: string, of: 'en' | 'fr' = language): string | null {
  const w = words[of]
  const [minute, hour, day, month, weekday, second, ...rest] = text.trim().split(/\s+/)
  if (weekday === undefined || rest.length > 0 || month !== '*') return null
  if (second !== undefined && second !== '0') {
    const n = every(second)
    const all = minute === '*' && hour === '*' && day === '*' && weekday === '*'
    return all && second === '*' ? w.second : all && n !== null ? w.seconds(n) : null
  }
  const [m, h] = [single(minute!, 59), single(hour!, 23)]
  const daily = day === '*' && weekday === '*'
  if (daily && hour === '*') {
    if (minute === '*') return w.minute
    const n = every(minute!)
    if (n !== null && 60 % n === 0) return n === 1 ? w.minute : w.minutes(n)
    return m === 0 ? w.hour : m === null ? null : w.pastHour(m)
  }
  const hours = every(hour!)
  if (daily && hours !== null && m !== null && 24 % hours === 0) return w.hours(hours, m)
  if (m === null || h === null) return null
  const at = `${two(h)}:${two(m)}`
  if (daily) return w.day(at)
  if (day === '*') {
    if (/^(1-5|mon-fri)$/i.test(weekday)) return w.weekdays(at)
    const days = weekday.split(',').map(dayNumber)
    if (days.some((each) => each === null)) return null
    const names = days.map((each) => DAYS[of][each!]!)
    return w.on(names.length > 1 ? `${names.slice(0, -1).join(', ')}${w.and}${names.at(-1)}` : names[0]!, at)
  }
  const date = single(day!, 31)
  return weekday === '*' && date !== null && date > 0 ? w.month(date, at) : null
}
