/** A refused start; when a run is already going on it says since when and by whom, and leads there. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ApiError } from '../api/http'
import { queries } from '../api/queries'
import { InlineProblem } from '../ui/Problem'
import { At, Single } from '../ui/Times'
import { t } from './words'

export function StartProblem({ error }: { error: unknown }) {
  const active = error instanceof ApiError && error.status === 409 ? error.problem.active_run_id : undefined
  return active ? <AlreadyRunning id={active} /> : <InlineProblem error={error} />
}

function AlreadyRunning({ id }: { id: string }) {
  const { data } = useQuery(queries.run(id))
  return (
    <span role="alert">
      {t.alreadyRunning}{data && <> {t.since} <Single value={true}><At at={data.run.started_at ?? data.run.queued_at} /></Single> {t.startedBy(data.run.triggered_by)}</>}: <Link to="/runs/$id" params={{ id }}>{t.openIt}</Link>
    </span>
  )
}
