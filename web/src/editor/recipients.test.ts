import { expect, test } from 'vitest'
import { reachedBy } from './recipients'

test('a recipient is reached as the server reaches it', () => {
  const transports = [
    { name: 'pager', kind: 'webhook' as const, enabled: true }, { name: 'chat', kind: 'slack' as const, enabled: true },
    { name: 'mail', kind: 'smtp' as const, enabled: true }, { name: 'off', kind: 'smtp' as const, enabled: false },
  ]
  const shown = ['pager', 'mail:bob@x.test', '#data', '@ann', 'ann@x.test', 'off', 'nobody'].map((each) => reachedBy(each, transports))
  expect(shown).toEqual([
    { transport: 'pager', to: '' }, { transport: 'mail', to: 'bob@x.test' }, { transport: 'chat', to: '#data' }, { transport: 'chat', to: '@ann' },
    { transport: 'mail', to: 'ann@x.test' }, null, null,
  ])
})
