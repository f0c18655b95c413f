import { expect, test } from 'vitest'
import { sideBySide } from './diff'

test('a changed line stands beside what it was, an added one beside nothing', () => {
  const rows = sideBySide('--- a\n+++ b\n@@ -1,3 +1,4 @@\n id = "x"\n-enabled = true\n+enabled = false\n+tags = []\n steps')
  expect(rows).toEqual([
    { kind: 'hunk', left: '@@ -1,3 +1,4 @@', right: null },
    { kind: 'same', left: 'id = "x"', right: 'id = "x"' },
    { kind: 'change', left: 'enabled = true', right: 'enabled = false' },
    { kind: 'change', left: null, right: 'tags = []' },
    { kind: 'same', left: 'steps', right: 'steps' },
  ])
})

test('two changes that follow each other are not mixed', () => {
  const rows = sideBySide('-a\n+b\n-c\n+d')
  expect(rows.map((row) => [row.left, row.right])).toEqual([['a', 'b'], ['c', 'd']])
})
