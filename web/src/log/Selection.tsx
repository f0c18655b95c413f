/** What one can do with the selected lines: copy their text, however much of it is loaded, or the link to them. */
import { Copy, Link2, Maximize2, X } from 'lucide-react'
import { useState } from 'react'
import type { LogLine } from '../api/types'
import { Button } from '../ui/Button'
import { ByHand, copyText } from '../ui/Copy'
import { t as common } from '../ui/words'
import { linesAsText } from './text'
import type { Range } from './selection'
import { t } from './words'

interface Props {
  range: Range
  read: (from: number, to: number) => Promise<LogLine[]>
  link: () => string
  onOpen: () => void
  onClear: () => void
}

export function Selection({ range, read, link, onOpen, onClear }: Props) {
  const [said, setSaid] = useState(false)
  const [byHand, setByHand] = useState<string | null>(null)
  const copy = async (text: string | Promise<string>) => {
    const value = await text
    setByHand(null)
    if (await copyText(value)) {
      setSaid(true)
      setTimeout(() => setSaid(false), 2000)
    } else setByHand(value)
  }
  const text = async (withTime: boolean) => linesAsText(await read(range.from, range.to), withTime)
  return (
    <div className="log-selection" role="toolbar" aria-label={t.selection(range.from, range.to)}>
      <strong>{t.selection(range.from, range.to)}</strong>
      <Button kind="quiet" icon={<Copy size={13} aria-hidden />} onClick={() => void copy(text(false))}><span className="log-words">{t.copyText}</span></Button>
      <Button kind="quiet" icon={<Copy size={13} aria-hidden />} onClick={() => void copy(text(true))}><span className="log-words">{t.copyWithTime}</span></Button>
      <Button kind="quiet" icon={<Link2 size={13} aria-hidden />} onClick={() => void copy(link())}><span className="log-words">{t.copyLink}</span></Button>
      {range.from === range.to && <Button kind="quiet" icon={<Maximize2 size={13} aria-hidden />} onClick={onOpen}><span className="log-words">{t.inFull}</span></Button>}
      <Button kind="quiet" icon={<X size={13} aria-hidden />} aria-label={t.unselect} title={t.unselect} onClick={onClear} />
      {said && <span role="status" className="muted">{common.copied}</span>}
      {byHand !== null && <ByHand text={byHand} close={() => setByHand(null)} />}
    </div>
  )
}
