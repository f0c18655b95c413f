/** The runs of the filter as dots over time and length. Dragging over it chooses the time; a dot opens its run. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api } from '../api/client'
import { optional } from '../api/queries'
import { number } from '../i18n'
import { duration, everyZone, serverNow, shortInstant } from '../ui/time'
import ui from '../ui/ui.module.css'
import { asked, type RunsSearch } from './filter'
import { HEIGHT, spanOf, strip, type Dot } from './strip'
import css from './strip.module.css'
import { t } from './words'

interface Props {
  filter: RunsSearch
  /** Changes when the list does: then the picture is read again. */
  newest: string | undefined
  onSpan: (span: { from: string; to: string }) => void
}

/** The width of an element, followed. */
function useWidth(): [(node: Element | null) => void, number] {
  const [node, setNode] = useState<Element | null>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (!node) return
    const observer = new ResizeObserver(([entry]) => setWidth(Math.round(entry!.contentRect.width)))
    observer.observe(node)
    return () => observer.disconnect()
  }, [node])
  return [setNode, width]
}

export function RunStrip({ filter, newest, onSpan }: Props) {
  const navigate = useNavigate()
  const { before: _, ...scope } = filter
  const { data } = useQuery({ queryKey: ['plot', scope, newest], queryFn: ({ signal }) => optional(api.plot(asked(scope, serverNow()), signal)), placeholderData: keepPreviousData, staleTime: 30_000 })
  const [box, width] = useWidth()
  const scopeText = JSON.stringify(scope)
  const picture = useMemo(() => (data && width > 0 ? strip(data, asked(scope, serverNow()).from, scope.to, serverNow(), width) : null), [data, scopeText, width])
  const svg = useRef<SVGSVGElement>(null)
  const [drag, setDrag] = useState<[number, number] | null>(null)
  const place = (event: React.PointerEvent) => event.clientX - svg.current!.getBoundingClientRect().left
  const end = (event: React.PointerEvent) => {
    if (!drag || !picture) return
    const span = spanOf(picture, drag[0], place(event))
    setDrag(null)
    const run = (event.target as SVGElement).closest<SVGElement>('[data-dot]')?.dataset.dot
    if (span) onSpan(span)
    else if (run) void navigate({ to: '/runs/$id', params: { id: run } })
  }
  if (!data || data.total === 0) return null
  return (
    <figure ref={box} className={css.strip} data-plot={data.total}>
      {picture && (
        <svg
          ref={svg}
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          role="img"
          aria-label={t.plotText(data.total, shortInstant(picture.fromMs), shortInstant(picture.toMs))}
          onPointerDown={(event) => {
            if (event.button !== 0) return
            const from = place(event)
            setDrag([from, from])
          }}
          onPointerMove={(event) => drag && setDrag([drag[0], place(event)])}
          onPointerUp={end}
          onPointerLeave={() => setDrag(null)}
        >
          {picture.lines.map((line) => (
            <g key={line.seconds}>
              <line className={css.line} x1="0" x2={width} y1={line.y} y2={line.y} />
              <text className={css.length} x="2" y={line.y - 2}>{duration(line.seconds * 1000)}</text>
            </g>
          ))}
          {drag && <rect className={css.chosen} x={Math.min(...drag)} width={Math.abs(drag[1] - drag[0])} y="0" height={HEIGHT} />}
          {picture.dots.map((dot) => <Mark key={dot.key} dot={dot} />)}
        </svg>
      )}
      {picture && (
        <figcaption>
          <span>{data.searched_to ? t.plotTo(shortInstant(picture.fromMs)) : shortInstant(picture.fromMs)}</span>
          <span>{t.plotHint}</span>
          <span>{shortInstant(picture.toMs)}</span>
        </figcaption>
      )}
    </figure>
  )
}

function Mark({ dot }: { dot: Dot }) {
  const title = dot.run
    ? `${dot.job} · ${dot.status} · ${dot.seconds === null ? '–' : duration(dot.seconds * 1000)}\n${everyZone(dot.at)}`
    : `${number(dot.count)} × ${dot.status}${dot.seconds === null ? '' : ` ≥ ${duration(dot.seconds * 1000)}`}\n${everyZone(dot.at)}`
  return (
    <g className={`${css.dot} ${ui[dot.status]}`} transform={`translate(${dot.x.toFixed(1)} ${dot.y.toFixed(1)})`} data-dot={dot.run ?? undefined} data-count={dot.run ? undefined : dot.count}>
      <title>{title}</title>
      <Shape status={dot.status} r={dot.r} />
    </g>
  )
}

/** A shape for each state: the color alone would not tell. */
function Shape({ status, r }: { status: string; r: number }) {
  switch (status) {
    case 'FAILED':
      return <path className={css.stroke} d={`M${-r} ${-r} L${r} ${r} M${r} ${-r} L${-r} ${r}`} />
    case 'CANCELED':
      return <rect x={-r} y={-r} width={2 * r} height={2 * r} />
    case 'RUNNING':
      return <path d={`M${-r} ${-r} L${r} 0 L${-r} ${r}Z`} />
    case 'QUEUED':
    case 'SKIPPED':
      return <circle className={css.stroke} r={Math.max(1.5, r - 1)} />
    default:
      return <circle r={r} />
  }
}
