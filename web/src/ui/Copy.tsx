/** Copying. Over plain HTTP browsers withhold the clipboard: then the text is offered, selected, to be copied by hand. */
import { Check, Copy } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import css from './ui.module.css'
import { t } from './words'

/** Puts a text into the clipboard; false when the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

interface Props {
  text: string | (() => string)
  label?: string
  /** Only the icon; the label is its name. */
  small?: boolean
}

export function CopyButton({ text, label = t.copy, small = false }: Props) {
  const [state, setState] = useState<'idle' | 'done' | 'by-hand'>('idle')
  const timer = useRef(0)
  useEffect(() => () => clearTimeout(timer.current), [])
  const value = () => (typeof text === 'function' ? text() : text)
  const copy = async () => {
    const done = await copyText(value())
    setState(done ? 'done' : 'by-hand')
    if (done) timer.current = setTimeout(() => setState('idle'), 2000) as unknown as number
  }
  const icon = state === 'done' ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />
  const name = state === 'done' ? t.copied : label
  return (
    <>
      <button type="button" className={`${css.button} ${small ? `${css.quiet} ${css.icon}` : ''}`} aria-label={small ? name : undefined} title={small ? name : undefined} onClick={() => void copy()}>
        {icon}{!small && name}
      </button>
      {state === 'done' && <span className="unseen" role="status">{t.copied}</span>}
      {state === 'by-hand' && <ByHand text={value()} close={() => setState('idle')} />}
    </>
  )
}

/** The text in a box, selected. */
export function ByHand({ text, close }: { text: string; close: () => void }) {
  return (
    <label className={css.byHand}>
      <span className="muted">{t.copyByHand}</span>
      <textarea
        readOnly
        rows={Math.min(8, text.split('\n').length + 1)}
        defaultValue={text}
        ref={(box) => {
          box?.focus()
          box?.select()
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') close()
        }}
      />
    </label>
  )
}
