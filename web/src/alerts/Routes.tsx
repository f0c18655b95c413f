/**
 * The ordered list of routes. It is edited as a whole and saved as a whole, for the revision that was read: who saved
 * meanwhile is not overwritten unasked. Order by dragging, by buttons, or by Alt and the arrow keys.
 */
import { useMutation, useQuery } from '@tanstack/react-query'
import { useBlocker } from '@tanstack/react-router'
import { ArrowDown, ArrowUp, GripVertical, Pencil, Plus, Trash2 } from 'lucide-react'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/http'
import { queryClient } from '../api/queries'
import { keepInPlace } from '../app/session'
import { ActionButton, Button, Switch } from '../ui/Button'
import { ConfirmDialog } from '../ui/Dialog'
import { MuteButton, MuteTag } from '../mutes/MuteTag'
import { useLeaveGuard } from '../ui/hooks'
import { Panel, Skeleton, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { alertQueries, alerts, type Route, type RoutesDocument } from './api'
import css from './alerts.module.css'
import { RouteDialog } from './RouteDialog'
import { emptyRoute, errorsByRoute, freshName, moved, toSend } from './routes'
import { Simulator } from './Simulator'
import { t } from './words'

export function Routes() {
  const { data, error, isPending, refetch } = useQuery(alertQueries.routes())
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && (
        <>
          <p className="muted">{t.routesHint}</p>
          {data.from_file.length > 0 && <Panel title={t.fileRoutes}><ol className={css.routes}>{data.from_file.map((route) => <li key={route.name} className={css.route}><Summary route={route} /><MuteButton kind="route" name={route.name} /></li>)}</ol></Panel>}
          <Editor saved={data} />
          <Simulator />
        </>
      )}
    </>
  )
}

function Editor({ saved }: { saved: RoutesDocument }) {
  // The list one works on begins as the saved one, and stays what it is when somebody else saves.
  const [base, setBase] = useState(saved)
  const [routes, setRoutes] = useState(saved.routes)
  const [editing, setEditing] = useState<{ at: number; route: Route } | null>(null)
  const [said, setSaid] = useState('')
  const [dragged, setDragged] = useState<number | null>(null)
  const dirty = JSON.stringify(routes) !== JSON.stringify(base.routes)
  const begin = (document: RoutesDocument) => {
    setBase(document)
    setRoutes(document.routes)
  }
  if (!dirty && base !== saved) begin(saved)
  useLeaveGuard(dirty)
  useEffect(() => (dirty ? keepInPlace() : undefined), [dirty])
  const save = useMutation({
    mutationFn: (etag: string) => alerts.putRoutes(routes.map(toSend), etag),
    onSuccess: (document) => {
      queryClient.setQueryData(alertQueries.routes().queryKey, document)
      begin(document)
    },
  })
  const isStale = save.error instanceof ApiError && save.error.is('stale')
  const problems = save.error instanceof ApiError && save.error.problem.problems ? errorsByRoute(save.error.problem.problems as unknown as { pointer?: string; message: string }[]) : null
  const move = (from: number, to: number) => {
    const next = moved(routes, from, to)
    if (next === routes) return
    setRoutes(next)
    setSaid(t.movedTo(next[to]!.name, to + 1))
  }
  const change = (at: number, route: Route) => setRoutes((old) => (at < old.length ? old.map((each, i) => (i === at ? route : each)) : [...old, route]))
  return (
    <Panel title={t.tabs.routes} actions={<Button icon={<Plus size={14} aria-hidden />} onClick={() => setEditing({ at: routes.length, route: emptyRoute(freshName([...base.from_file, ...routes].map((each) => each.name), 'route')) })}>{t.addRoute}</Button>}>
      {routes.length === 0 ? <p className={css.note}>{t.noRoutes}</p> : <p className={css.note}>{t.orderHint}</p>}
      <ol className={css.routes} aria-label={t.order}>
        {routes.map((route, at) => (
          <li
            key={route.name}
            className={`${css.route} ${dragged === at ? css.dragged : ''}`}
            data-route={route.name}
            draggable
            onDragStart={() => setDragged(at)}
            onDragEnd={() => setDragged(null)}
            onDragOver={(event) => {
              event.preventDefault()
              if (dragged === null || dragged === at) return
              move(dragged, at)
              setDragged(at)
            }}
            onKeyDown={(event) => {
              if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
              event.preventDefault()
              move(at, at + (event.key === 'ArrowUp' ? -1 : 1))
            }}
          >
            <GripVertical size={14} className={css.grip} aria-hidden />
            <Switch checked={route.enabled} label={`${t.enabled}: ${route.name}`} onChange={(enabled) => change(at, { ...route, enabled })} />
            <Summary route={route} errors={problems?.get(at)} />
            {base.routes.some((each) => each.name === route.name) && <MuteButton kind="route" name={route.name} />}
            <span className={css.rowButtons}>
              <Button kind="quiet" icon={<ArrowUp size={14} aria-hidden />} aria-label={t.up(route.name)} disabled={at === 0} onClick={() => move(at, at - 1)} />
              <Button kind="quiet" icon={<ArrowDown size={14} aria-hidden />} aria-label={t.down(route.name)} disabled={at === routes.length - 1} onClick={() => move(at, at + 1)} />
              <Button kind="quiet" icon={<Pencil size={14} aria-hidden />} aria-label={`${t.edit} ${route.name}`} onClick={() => setEditing({ at, route })} />
              <Button kind="quiet" icon={<Trash2 size={14} aria-hidden />} aria-label={`${t.remove} ${route.name}`} onClick={() => setRoutes(routes.filter((_, i) => i !== at))} />
            </span>
          </li>
        ))}
      </ol>
      <span className="unseen" role="status">{said}</span>
      {isStale && (
        <div className={ui.problem} role="alert">
          <h2>{t.staleRoutes(saved.etag === base.etag ? '…' : (saved.updated_by ?? '…'))}</h2>
          <p>{t.staleHint}</p>
          <div className={ui.problemActions}>
            <Button onClick={() => void queryClient.fetchQuery({ ...alertQueries.routes(), staleTime: 0 }).then((document) => { save.reset(); begin(document) })}>{t.takeTheirs}</Button>
            <Button onClick={() => save.mutate(((save.error as ApiError).problem.current as { etag: string }).etag)}>{t.keepMine}</Button>
          </div>
        </div>
      )}
      {(dirty || save.isPending || save.isSuccess) && (
        <div className={css.saveBar}>
          {dirty && <span role="status">{t.unsaved}</span>}
          <ActionButton kind="primary" action={isStale || problems ? { ...save, error: null } : save} waiting={t.saving} done={t.saved} disabled={!dirty} onClick={() => save.mutate(base.etag)}>{t.save}</ActionButton>
          {dirty && <Button onClick={() => { save.reset(); setRoutes(base.routes) }}>{t.discard}</Button>}
          {problems?.get(-1)?.map((message) => <span key={message} className={ui.fieldError} role="alert">{message}</span>)}
        </div>
      )}
      {editing && <RouteDialog route={editing.route} taken={[...base.from_file, ...routes.filter((_, i) => i !== editing.at)].map((each) => each.name)} apply={(route) => change(editing.at, route)} close={() => setEditing(null)} />}
      <LeaveDialog dirty={dirty} />
    </Panel>
  )
}

function LeaveDialog({ dirty }: { dirty: boolean }) {
  const blocker = useBlocker({ shouldBlockFn: () => dirty, withResolver: true, enableBeforeUnload: false })
  if (blocker.status !== 'blocked') return null
  return <ConfirmDialog title={t.leave} danger confirm={t.leaveIt} action={{ isPending: false, isSuccess: false, error: null }} onConfirm={blocker.proceed} close={blocker.reset} />
}

/** A route in a line: which events of which jobs go to whom. */
function Summary({ route, errors }: { route: Route; errors?: string[] | undefined }) {
  const whose = [...route.jobs.map((each) => <code key={`j${each}`}>{each}</code>), ...route.tags.map((each) => <Tag key={`t${each}`}>{each}</Tag>)]
  const extras = [
    route.min_severity && `≥ ${t.severities[route.min_severity]}`,
    route.continue && t.continues,
    route.group_seconds !== null && t.gathers(route.group_seconds),
    route.quiet_hours && t.quietAt(route.quiet_hours.from, route.quiet_hours.to),
    !route.enabled && t.off,
  ].filter(Boolean)
  return (
    <span className={css.summary}>
      <strong>{route.name}</strong> <MuteTag kind="route" name={route.name} />
      <span className={css.parts}>
        {whose.length > 0 ? whose : <span className="muted">{t.all}</span>}
        <span className="muted">·</span>
        {route.events.length > 0 ? route.events.map((each) => t.eventNames[each] ?? each).join(', ') : <span className="muted">{t.asked}</span>}
        <span aria-hidden="true">→</span>
        {route.recipients.length > 0 ? route.recipients.map((each) => <code key={each}>{each}</code>) : <span className="muted">{t.every}</span>}
        {extras.length > 0 && <span className="muted">({extras.join(', ')})</span>}
      </span>
      {errors?.map((message) => <span key={message} className={ui.fieldError} role="alert">{message}</span>)}
    </span>
  )
}
