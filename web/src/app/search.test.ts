import { describe, expect, test } from 'vitest'
import { find, looksLikeRun, score, type Found } from './search'

const thing = (kind: Found['kind'], label: string, hint = ''): Found => ({ kind, id: label, label, hint })

describe('the palette', () => {
  test('things come before pages, however well the page fits', () => {
    const found = find('con', [thing('page', 'Connectors'), thing('job', 'nightly-reconcile'), thing('connector', 'conso')])
    expect(found.map((each) => each.label)).toEqual(['nightly-reconcile', 'conso', 'Connectors'])
  })

  test('a name that begins with the word stands before one that contains it', () => {
    const found = find('sync', [thing('job', 'resync-all'), thing('job', 'daily-sync'), thing('job', 'sync-users')])
    expect(found.map((each) => each.label)).toEqual(['sync-users', 'daily-sync', 'resync-all'])
  })

  test('every word must occur, and the description counts less than the name', () => {
    expect(score('nomajde-daily-sync', ['daily', 'nope'])).toBeNull()
    const found = find('etl', [thing('job', 'a-job', 'the etl job'), thing('job', 'b-etl')])
    expect(found.map((each) => each.label)).toEqual(['b-etl', 'a-job'])
  })

  test('only what looks like the id of a run is taken for one', () => {
    expect(looksLikeRun('01JD3Z8Q9X')).toBe(true)
    expect(looksLikeRun('nightly')).toBe(false)
    expect(looksLikeRun('abc')).toBe(false)
  })
})
