import { expect, it } from 'vitest'
import { noteOf, plain, quarantined, released } from './quarantine'

const job = { description: 'Copies orders.', tags: ['etl'], enabled: true }

it.each([true, false])('what was enabled=%s is so again after the quarantine', (enabled) => {
  const away = quarantined({ ...job, enabled }, 'wrong [totals]\nsince Monday')
  expect(away).toMatchObject({ enabled: false, tags: ['etl', 'quarantine'] })
  expect(noteOf(away.description)).toBe('wrong totals since Monday')
  expect(plain(away.description)).toBe('Copies orders.')
  expect(released(away)).toEqual({ ...job, enabled })
})

it('a job that was tagged by hand is enabled again', () => {
  expect(noteOf(job.description)).toBeNull()
  expect(released({ ...job, tags: ['quarantine'], enabled: false })).toEqual({ description: 'Copies orders.', tags: [], enabled: true })
})
