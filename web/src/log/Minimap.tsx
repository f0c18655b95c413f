/** The column beside the log: where it warns and fails, where the matches of the search stand, and what is on screen. A click goes there. */
import { useQuery } from '@tanstack/react-query'
import { memo, useEffect, type RefObject } from 'react'
import { api } from '../api/client'
import { optional } from '../api/queries'
import { bars, marks } from './marks'
import { t } from './words'

const PARTS = 200
/** A live log is counted again at most this often. */
const AGAIN_MS = 4000

interface Props {
  runId: string
  total: number
  /** How many lines warn or fail, as far as it is known. */
  trouble: number
  hits: number[]
  /** The part on screen, moved by the view. */
  seen: RefObject<SVGRectElement | null>
  onGo: (line: number) => void
}

export const Minimap = memo(function Minimap({ runId, total, trouble, hits, seen, onGo }: Props) {
  const { data, refetch } = useQuery({ queryKey: ['log-density', runId], queryFn: ({ signal }) => optional(api.logDensity(runId, PARTS, signal)), enabled: trouble > 0 })
  const counted = data ? data.total : total
  useEffect(() => {
    if (counted >= total) return
    const timer = setTimeout(() => void refetch(), AGAIN_MS)
    return () => clearTimeout(timer)
  }, [counted < total, refetch])
  const go = (event: React.MouseEvent<SVGSVGElement>) => {
    const { top, height } = event.currentTarget.getBoundingClientRect()
    const exact = (event.target as SVGElement).dataset.line
    onGo(exact === undefined ? Math.min(total - 1, Math.max(0, Math.floor(((event.clientY - top) / height) * total))) : Number(exact))
  }
  // The scale of what was counted, within the length the log has now.
  const scale = total === 0 ? 0 : (counted / total) * 1000
  const step = scale / PARTS
  return (
    <svg className="log-map" viewBox="0 0 20 1000" preserveAspectRatio="none" aria-hidden="true" onClick={go}>
      <title>{t.minimap}</title>
      <rect ref={seen} className="log-map-seen" x="0" width="20" y="0" height="0" />
      {data && bars(data.warnings).map(({ part, share }) => <rect key={`w${part}`} className="log-mark-warning" x="0" width={4 + share * 8} y={part * step} height={Math.max(3, step)} />)}
      {data && bars(data.errors).map(({ part, share }) => <rect key={`e${part}`} className="log-mark-error" x="0" width={4 + share * 10} y={part * step} height={Math.max(3, step)} />)}
      {marks(hits, total).map((mark) => <rect key={mark.line} className="log-mark-hit" x="15" width="5" y={mark.at * 1000} height="4" data-line={mark.line} />)}
    </svg>
  )
})
