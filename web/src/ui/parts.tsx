/** Small shared pieces: buttons, times, facts, empty states and how a failure is shown. */
import { Check, Copy, LoaderCircle } from 'lucide-react'
import { useState, type ButtonHTMLAttributes, type ReactNode } from 'react'
import { ApiError } from '../api/client'
import type { Problem } from '../api/types'
import { t } from '../i18n'
import { useNow, useSlow } from './hooks'
import { everyZone, relative, shortInstant, toMillis } from './time'
import css from './ui.module.css'

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: 'primary' | 'plain'
  pending?: boolean
  icon?: ReactNode
}

/** A button that shows when it waits for the server; while it waits it cannot be pressed again. */
export function Button({ kind = 'plain', pending = false, icon, children, disabled, className, ...rest }: ButtonProps) {
  const classes = [css.button, kind === 'primary' && css.primary, !children && css.icon, className].filter(Boolean).join(' ')
  return (
    <button type="button" className={classes} disabled={disabled || pending} aria-busy={pending || undefined} {...rest}>
      {pending ? <LoaderCircle size={14} className={css.spin} aria-hidden /> : icon}
      {children}
    </button>
  )
}

/** Says what failed beside the thing that failed. */
export function InlineProblem({ error }: { error: unknown }) {
  if (!error) return null
  const { title, detail, hint } = describe(error)
  return (
    <span className={css.inlineProblem} role="alert">
      {detail ?? title}
      {hint && <span className="muted"> {hint}</span>}
    </span>
  )
}

function describe(error: unknown): { title: string; detail?: string | undefined; hint?: string | undefined; request?: string } {
  if (error instanceof ApiError) {
    const title = error.problem.title ?? `HTTP ${error.status}`
    return { title, detail: error.problem.detail, hint: error.problem.hint, request: error.request }
  }
  return { title: t.problem.crash, detail: error instanceof Error ? error.message : String(error) }
}

/** A failure in full, with a way to try again and a way to pass the details on. */
export function ProblemPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail, hint, request } = describe(error)
  const problems = error instanceof ApiError ? (error.problem.problems ?? []) : []
  const details = [request, title, detail, hint && `${t.problem.hint}: ${hint}`].filter(Boolean).join('\n')
  return (
    <div className={css.problem} role="alert">
      <h2>{title}</h2>
      {detail && <p>{detail}</p>}
      {hint && <p className="muted">{t.problem.hint}: {hint}</p>}
      {problems.length > 0 && <ProblemList problems={problems} />}
      <div className={css.problemActions}>
        {retry && <Button onClick={retry}>{t.problem.retry}</Button>}
        <CopyButton text={details} />
      </div>
    </div>
  )
}

/** Copies a text. Over plain HTTP browsers withhold the clipboard: then the text is offered selected. */
export function CopyButton({ text }: { text: string }) {
  const [state, setState] = useState<'idle' | 'done' | 'by-hand'>('idle')
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setState('done')
    } catch {
      setState('by-hand')
    }
  }
  if (state === 'by-hand') {
    return (
      <label>
        <span className="muted">{t.problem.copyByHand}</span>
        <br />
        <textarea readOnly rows={4} cols={48} defaultValue={text} ref={(box) => box?.select()} />
      </label>
    )
  }
  return (
    <Button icon={state === 'done' ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />} onClick={() => void copy()}>
      {state === 'done' ? t.problem.copied : t.problem.copy}
    </Button>
  )
}

/** The problems the catalogue found, each with the place to look at. */
export function ProblemList({ problems }: { problems: Problem[] }) {
  return (
    <ul className={css.problems}>
      {problems.map((problem, i) => (
        <li key={i}>
          <span className={`${css.severity} ${css[problem.severity]}`}>{problem.severity === 'error' ? t.problems.error : t.problems.warning}</span>
          <span>{problem.message} <code className="muted">{problem.code}</code></span>
          {problem.file && <code>{t.problems.at(problem.file, problem.line, problem.column)}</code>}
          {problem.hint && <span className="muted">{t.problem.hint}: {problem.hint}</span>}
        </li>
      ))}
    </ul>
  )
}

/** A distance such as `2 h ago`; the tooltip has the instant in every zone that matters. */
export function Ago({ at, zone }: { at: string | null; zone?: string | null }) {
  const now = useNow(5_000)
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} title={everyZone(ms, zone)}>{relative(ms, now, t.relative)}</time>
}

/** An instant in the viewer's zone. */
export function At({ at }: { at: string | null }) {
  const ms = toMillis(at)
  if (ms === null) return <>–</>
  return <time dateTime={at!} title={everyZone(ms)}>{shortInstant(ms)}</time>
}

export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** Grey blocks in place of what is loading; nothing at all when it comes quickly. */
export function Skeleton({ pending, rows = 4 }: { pending: boolean; rows?: number }) {
  if (!useSlow(pending)) return null
  return (
    <div className={css.skeleton} aria-busy="true" aria-label={t.runs.loading}>
      {Array.from({ length: rows }, (_, i) => <div key={i} />)}
    </div>
  )
}

export function Json({ value }: { value: unknown }) {
  return <pre className={css.json}>{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre>
}
