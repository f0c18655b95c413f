/** The bar beside the log: where the errors and the matches of the search stand. A click goes there. */
import { useQuery } from '@tanstack/react-query'
import { memo } from 'react'
import { api } from '../api/client'
import { optional } from '../api/queries'
import { marks } from './marks'

interface Props {
  runId: string
  total: number
  /** How many lines are errors, as far as it is known. */
  errors: number
  hits: number[]
  onGo: (line: number) => void
}

export const Marks = memo(function Marks({ runId, total, errors, hits, onGo }: Props) {
  const { data } = useQuery({ queryKey: ['log-counts', runId, 'errors'], queryFn: ({ signal }) => optional(api.logSearch(runId, { level: 'ERROR' }, signal)), enabled: errors > 0 })
  if (total === 0 || (hits.length === 0 && !data)) return null
  const go = (event: React.MouseEvent) => {
    const line = (event.target as SVGElement).dataset.line
    if (line !== undefined) onGo(Number(line))
  }
  return (
    <svg className="log-marks" viewBox="0 0 10 1000" preserveAspectRatio="none" aria-hidden="true" onClick={go}>
      {marks(data?.numbers ?? [], total).map((mark) => <rect key={mark.line} className="log-mark-error" x="0" width="5" y={mark.at * 1000} height="5" data-line={mark.line} />)}
      {marks(hits, total).map((mark) => <rect key={mark.line} className="log-mark-hit" x="5" width="5" y={mark.at * 1000} height="5" data-line={mark.line} />)}
    </svg>
  )
})
