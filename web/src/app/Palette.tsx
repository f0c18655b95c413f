/** Ctrl K: finds jobs, runs, connectors, plugins and then pages. Enter opens, Alt Enter runs a job. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useMemo, useRef, useState } from 'react'
import { api } from '../api/client'
import { http } from '../api/http'
import { may, mayAnyRun } from '../api/permissions'
import { optional, queries } from '../api/queries'
import { StartProblem } from '../jobs/StartProblem'
import { Tag } from '../ui/parts'
import { places } from './places'
import { find, jobThing, looksLikeRun, type Found } from './search'
import css from './palette.module.css'
import { t } from './words'

export function Palette({ close }: { close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const id = useId()
  const navigate = useNavigate()
  const { data: me } = useQuery(queries.me())
  const jobs = useQuery(queries.jobs())
  const connectors = useQuery({ queryKey: ['connectors'], queryFn: ({ signal }) => optional(http.get<{ connectors: { name: string; type: string }[] }>('admin/connectors', signal)) })
  const plugins = useQuery({ queryKey: ['plugins'], queryFn: ({ signal }) => optional(http.get<{ plugins: { name: string; kind: string }[] }>('admin/plugins', signal)) })
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  const found = useMemo((): Found[] => {
    const things: Found[] = [
      ...(jobs.data?.jobs ?? []).map(jobThing),
      ...(looksLikeRun(query) ? [{ kind: 'run' as const, id: query.trim(), label: query.trim(), hint: t.openRun(query.trim()) }] : []),
      ...(connectors.data?.connectors ?? []).map((each) => ({ kind: 'connector' as const, id: each.name, label: each.name, hint: each.type })),
      ...(plugins.data?.plugins ?? []).map((each) => ({ kind: 'plugin' as const, id: each.name, label: each.name, hint: each.kind })),
      ...places(me).map((place) => ({ kind: 'page' as const, id: place.to, label: place.label, hint: '' })),
    ]
    // Whatever is typed may also stand in a log.
    const words = query.trim()
    const logs: Found[] = words.length > 1 && mayAnyRun(me) ? [{ kind: 'log', id: words, label: words, hint: t.searchLogs }] : []
    return [...find(query, things), ...logs]
  }, [query, jobs.data, connectors.data, plugins.data, me])
  const active = Math.min(at, found.length - 1)
  const run = useMutation({
    mutationFn: (job: string) => api.runJob(job, {}),
    onSuccess: (accepted) => {
      close()
      void navigate({ to: '/runs/$id', params: { id: accepted.run_id } })
    },
  })
  const open = (thing: Found) => {
    close()
    const name = { params: { name: thing.id } }
    if (thing.kind === 'job') void navigate({ to: '/jobs/$id', params: { id: thing.id } })
    else if (thing.kind === 'run') void navigate({ to: '/runs/$id', params: { id: thing.id } })
    else if (thing.kind === 'log') void navigate({ to: '/logs', search: { q: thing.id } })
    else if (thing.kind === 'connector') void navigate({ to: '/connectors/$name', ...name })
    else if (thing.kind === 'plugin') void navigate({ to: '/plugins/$name', ...name })
    else void navigate({ to: thing.id as '/jobs' })
  }
  const onKey = (event: React.KeyboardEvent) => {
    const thing = found[active]
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      setAt((active + (event.key === 'ArrowDown' ? 1 : -1) + found.length) % Math.max(1, found.length))
    } else if (event.key === 'Enter' && thing) {
      event.preventDefault()
      if (event.altKey && thing.kind === 'job' && may(me, `job:${thing.id}`)) run.mutate(thing.id)
      else open(thing)
    }
  }
  useEffect(() => {
    document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: 'nearest' })
  }, [id, active])

  return (
    <dialog
      ref={dialog}
      className={css.palette}
      aria-label={t.palette}
      onClose={close}
      onMouseDown={(event) => {
        if (event.target === dialog.current) close()
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-label={t.palette}
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found[active] ? `${id}-${active}` : undefined}
        placeholder={t.paletteBox}
        autoComplete="off"
        spellCheck={false}
        autoFocus
        value={query}
        onChange={(event) => {
          setQuery(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKey}
      />
      <div id={`${id}-list`} role="listbox" aria-label={t.palette} className={css.list}>
        {found.map((thing, i) => (
          <div key={`${thing.kind} ${thing.id}`} id={`${id}-${i}`} role="option" aria-selected={i === active} className={css.option} onMouseMove={() => setAt(i)} onClick={() => open(thing)}>
            <span className={thing.kind === 'page' ? '' : 'mono'}>{thing.label}</span>
            <span className={css.hint}>{thing.hint}</span>
            <Tag>{t.kinds[thing.kind]}</Tag>
          </div>
        ))}
      </div>
      <p className={css.foot}>
        <span role="status">{found.length === 0 ? t.nothing : t.results(found.length)}</span>
        {found[active]?.kind === 'job' && may(me, `job:${found[active].id}`) && <span className="muted">{t.runIt}</span>}
        <StartProblem error={run.error} />
      </p>
    </dialog>
  )
}
