/** Reads the selected line out to who does not see it, a moment after it was chosen: who holds a key down does not hear every line it passes. */
import { useEffect, useState } from 'react'
import type { LogLine } from '../api/types'
import { clock, toMillis } from '../ui/time'
import { plain } from './ansi'
import { stepText } from './heights'
import type { Range } from './selection'
import { t } from './words'

const PAUSE_MS = 250
/** Whoever wants more of it opens the line in full. */
const LONGEST = 500

export function SpokenLine({ range, read }: { range: Range | null; read: (from: number, to: number) => Promise<LogLine[]> }) {
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (range === null) {
      setSaid('')
      return
    }
    let isOver = false
    const say = async () => {
      const words = range.from === range.to ? await read(range.from, range.from).then(([line]) => line && spoken(line)) : t.selection(range.from, range.to)
      if (!isOver && words) setSaid(words)
    }
    // A log that cannot be read says so above it.
    const timer = setTimeout(() => void say().catch(() => undefined), PAUSE_MS)
    return () => {
      isOver = true
      clearTimeout(timer)
    }
  }, [range?.from, range?.to])
  return <p className="unseen" role="status" data-spoken>{said}</p>
}

function spoken(line: LogLine): string {
  const text = plain(line.message)
  const words = text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text
  return [t.selection(line.seq, line.seq), line.level, clock(toMillis(line.at) ?? 0), stepText(line)].filter(Boolean).join(', ') + `: ${words}`
}
