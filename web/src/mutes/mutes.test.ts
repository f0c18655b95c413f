import { expect, test } from 'vitest'
import { holding, type Mute } from './mutes'

test('a mute is shown until it ends', () => {
  const mute: Mute = { kind: 'job', name: 'nightly', until: '2026-11-23T12:00:00.000Z', at: '', by: 'ann', reason: '', held: 0 }
  const at = (time: string) => holding([mute], Date.parse(`2026-11-23T${time}Z`)).length
  expect([at('11:59:59'), at('12:00:00')]).toEqual([1, 0])
})
