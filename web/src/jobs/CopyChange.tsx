/** A change of the saved job as an HTTP request: the whole job as it would be saved, under the revision that was read. */
import { useQuery } from '@tanstack/react-query'
import { endpoint } from '../api/http'
import type { Table } from '../editor/pointer'
import { editing } from '../editor/requests'
import { httpRequest } from '../ui/commands'
import { CopyAsMenu } from '../ui/CopyAs'
import { t } from './jobWords'

export function CopyChange({ job, change }: { job: string; change: (job: Table) => Table }) {
  const { data } = useQuery(editing.source(job))
  if (!data) return null
  return <CopyAsMenu label={t.copyChange} command={() => null} request={() => httpRequest('PUT', endpoint(`admin/jobs/${encodeURIComponent(job)}`), { job: change(data.job) }, data.etag)} />
}
