import { expect, test } from 'vitest'
import { cronWords } from './cron'

test.each([
  ['30 2 * * *', 'every day at 02:30'], ['*/15 * * * *', 'every 15 minutes'], ['0 * * * *', 'every hour'], ['5 * * * *', 'every hour at minute 5'], ['* * * * *', 'every minute'],
  ['0 7 * * 1-5', 'on weekdays at 07:00'], ['0 7 * * mon,thu', 'every Monday and Thursday at 07:00'], ['0 6 1 * *', 'on day 1 of every month at 06:00'], ['0 */6 * * *', 'every 6 hours at minute 0'],
  ['* * * * * */10', 'every 10 seconds'], ['0 2 * * * 0', 'every day at 02:00'],
])('%s reads %s', (text, expected) => expect(cronWords(text, 'en')).toBe(expected))

test.each([['*/7 * * * *'], ['0 2 1 * 1'], ['0 2 * 3 *'], ['every 5 minutes'], ['0 2 L * *'], ['0 2 30 2'], ['61 2 * * *']])('%s has no short words, rather than wrong ones', (text) => {
  expect(cronWords(text, 'en')).toBeNull()
})

test('the words exist in French', () => expect(cronWords('0 7 * * 0', 'fr')).toBe('chaque dimanche à 07:00'))
