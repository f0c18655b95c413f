/** How failures are shown: in a line beside what failed, or in full with the way to pass the details on. */
import { ApiError } from '../api/http'
import type { Problem } from '../api/types'
import { Button } from './Button'
import { CopyButton } from './Copy'
import css from './ui.module.css'
import { t } from './words'

interface Described {
  title: string
  detail?: string | undefined
  hint?: string | undefined
  request?: string
  requestId?: string | null
}

function describe(error: unknown): Described {
  if (error instanceof ApiError) {
    const title = error.problem.title ?? `HTTP ${error.status}`
    const needs = error.problem.needs ? t.needs(error.problem.needs) : undefined
    const detail = error.problem.detail
    return {
      title,
      detail: needs ?? detail,
      hint: needs && detail && !detail.includes(error.problem.needs!) ? detail : error.problem.hint,
      request: error.request,
      requestId: error.requestId,
    }
  }
  return { title: t.crash, detail: error instanceof Error ? error.message : String(error) }
}

/** Everything a colleague needs to look into it, as text. */
function details(error: unknown): string {
  const { title, detail, hint, request, requestId } = describe(error)
  const status = error instanceof ApiError && error.status > 0 ? `HTTP ${error.status}` : ''
  return [request, status, title, detail, hint && `${t.hint}: ${hint}`, requestId && `${t.requestId}: ${requestId}`, location.href].filter(Boolean).join('\n')
}

/** Says what failed beside the thing that failed. */
export function InlineProblem({ error }: { error: unknown }) {
  if (!error) return null
  const { title, detail, hint, requestId } = describe(error)
  return (
    <span className={css.inlineProblem} role="alert" title={requestId ? `${t.requestId}: ${requestId}` : undefined}>
      {detail ?? title}
      {hint && <span className="muted"> {hint}</span>}
    </span>
  )
}

/** A failure in full, with a way to try again and a way to pass the details on. */
export function ProblemPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { title, detail, hint, requestId } = describe(error)
  const problems = error instanceof ApiError ? (error.problem.problems ?? []) : []
  return (
    <div className={css.problem} role="alert">
      <h2>{title}</h2>
      {detail && detail !== title && <p>{detail}</p>}
      {hint && <p className="muted">{t.hint}: {hint}</p>}
      {problems.length > 0 && <ProblemList problems={problems} />}
      {requestId && <p className="muted">{t.requestId} <code>{requestId}</code></p>}
      <div className={css.problemActions}>
        {retry && <Button onClick={retry}>{t.retry}</Button>}
        <CopyButton text={() => details(error)} label={t.copyDetails} />
      </div>
    </div>
  )
}

/** The problems the catalogue found, each with the place to look at. */
export function ProblemList({ problems }: { problems: (Omit<Problem, 'file' | 'job_id'> & { file?: string | null })[] }) {
  return (
    <ul className={css.problems}>
      {problems.map((problem, i) => (
        <li key={i}>
          <span className={`${css.severity} ${css[problem.severity]}`}>{problem.severity === 'error' ? t.error : t.warning}</span>
          <span>{problem.message} <code className="muted">{problem.code}</code></span>
          {problem.file && <code>{t.at(problem.file, problem.line, problem.column)}</code>}
          {problem.hint && <span className="muted">{t.hint}: {problem.hint}</span>}
        </li>
      ))}
    </ul>
  )
}
