/** A refused start; when a run is already going on it leads there. */
import { Link } from '@tanstack/react-router'
import { ApiError } from '../api/http'
import { InlineProblem } from '../ui/Problem'
import { t } from './words'

export function StartProblem({ error }: { error: unknown }) {
  const active = error instanceof ApiError && error.status === 409 ? error.problem.active_run_id : undefined
  if (!active) return <InlineProblem error={error} />
  return (
    <span role="alert">
      {t.alreadyRunning}: <Link to="/runs/$id" params={{ id: active }}>{t.openIt}</Link>
    </span>
  )
}
