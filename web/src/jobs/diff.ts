/** A unified diff as rows of two sides. Pure. */

export interface DiffRow {
  kind: 'same' | 'change' | 'hunk'
  left: string | null
  right: string | null
}

export function sideBySide(unified: string): DiffRow[] {
  const rows: DiffRow[] = []
  let removed: string[] = []
  let added: string[] = []
  const flush = () => {
    for (let i = 0; i < Math.max(removed.length, added.length); i++) rows.push({ kind: 'change', left: removed[i] ?? null, right: added[i] ?? null })
    removed = []
    added = []
  }
  for (const line of unified.split('\n')) {
    if (/^(---|\+\+\+) /.test(line)) continue
    if (line.startsWith('-')) {
      // A removal after an addition begins a new change.
      if (added.length > 0) flush()
      removed.push(line.slice(1))
    } else if (line.startsWith('+')) added.push(line.slice(1))
    else {
      flush()
      if (line.startsWith('@@')) rows.push({ kind: 'hunk', left: line, right: null })
      else if (line.startsWith(' ')) rows.push({ kind: 'same', left: line.slice(1), right: line.slice(1) })
    }
  }
  flush()
  return rows
}
