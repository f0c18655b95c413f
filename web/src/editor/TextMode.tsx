/** The job as text, with line numbers; what was found stands below, marks its lines and is underlined where it is. */
import { useMemo, useRef } from 'react'
import { offsetOf } from '../sql/text'
import { CopyButton } from '../ui/Copy'
import css from './editor.module.css'
import look from './text.module.css'
import type { Finding } from './problems'
import { t } from './words'

interface Props {
  text: string
  findings: Finding[]
  onChange: (text: string) => void
  /** Somebody else's text, to merge from. */
  theirs: string | null
}

/** As the style sheet has it. */
const LINE_PX = 20

export function TextMode({ text, findings, onChange, theirs }: Props) {
  const box = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  const marks = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => text.split('\n').length, [text])
  const bad = useMemo(() => new Map(findings.map((found) => [found.line, found.severity])), [findings])
  const show = ({ line, column, length }: Finding) => {
    const area = box.current
    if (!area) return
    const from = offsetOf(text, line, column)
    area.focus()
    area.setSelectionRange(from, Math.min(text.length, from + Math.max(1, length)))
    area.scrollTop = Math.max(0, (line - 5) * LINE_PX)
  }
  return (
    <div className={look.textMode}>
      <p className="muted">{t.textHint}</p>
      <div className={look.sides}>
        <div className={look.textBox}>
          <div ref={gutter} className={look.gutter} aria-hidden="true">
            {Array.from({ length: lines }, (_, i) => <span key={i} data-severity={bad.get(i + 1)}>{i + 1}</span>)}
          </div>
          <div className={look.marks} aria-hidden="true">
            <div ref={marks}>
              {findings.filter((found) => found.line > 0).map((found, i) => (
                <span key={i} data-squiggle={found.severity} style={{ top: `${(found.line - 1) * LINE_PX}px`, left: `${found.column - 1}ch`, width: `${Math.max(1, found.length)}ch` }} />
              ))}
            </div>
          </div>
          <textarea
            ref={box}
            aria-label={t.textLabel}
            aria-invalid={findings.some((found) => found.severity === 'error') || undefined}
            wrap="off"
            spellCheck={false}
            autoComplete="off"
            data-text
            value={text}
            onChange={(event) => onChange(event.target.value)}
            onScroll={(event) => {
              const { scrollTop, scrollLeft } = event.currentTarget
              if (gutter.current) gutter.current.scrollTop = scrollTop
              if (marks.current) marks.current.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`
            }}
          />
        </div>
        {theirs !== null && (
          <div className={look.their}>
            <h2>{t.theirs} <CopyButton text={theirs} small /></h2>
            <pre tabIndex={0} aria-label={t.theirs}>{theirs}</pre>
          </div>
        )}
      </div>
      <ul className={look.findings}>
        {findings.map((found, i) => (
          <li key={i}>
            <button type="button" onClick={() => show(found)}><code>{t.lineOf(found.line, found.column)}</code></button>
            <span className={found.severity === 'error' ? css.bad : css.soft}>{found.message}{found.hint && <span className="muted"> {found.hint}</span>}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}
