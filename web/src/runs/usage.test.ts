import { expect, test } from 'vitest'
import { bytes, usageFacts } from './usage'

const digest = '8f3c2a91b0d4e57766aa00112233445566778899aabbccddeeff001122334455'

test('what a component used is shown in units, in one order, with the digest that ran', () => {
  const usage = { component_sha256: digest, wall_ms: 1520.1, cpu_ms: 0.412, peak_memory_bytes: 18_369_911, host_calls: 12_040, rows_in: 5, rows_out: 0 }
  expect(usageFacts(usage)).toEqual([
    { name: 'Peak memory', value: '18.4 MB' },
    { name: 'Processor time', value: '0.41 ms' },
    { name: 'Wall time', value: '1.5 s' },
    { name: 'Calls of the host', value: '12,040' },
    { name: 'Rows in', value: '5' },
    { name: 'Rows out', value: '0' },
    { name: 'Component', value: '8f3c2a91b0d4', full: digest },
  ])
})

test('a figure the page does not know is shown as it is, and one that is missing is left out', () => {
  expect(usageFacts({ cpu_ms: 12, retries: 3, note: 'slow' })).toEqual([
    { name: 'Processor time', value: '12 ms' },
    { name: 'retries', value: '3' },
    { name: 'note', value: 'slow' },
  ])
})

test('sizes are short', () => {
  expect([0, 999, 218_400, 18_369_911].map(bytes)).toEqual(['0 bytes', '999 bytes', '218 kB', '18.4 MB'])
})
