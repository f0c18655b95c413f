/** The editor itself: the job that is being changed, what was found about it, and the ways to save and to leave. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link, useBlocker, useNavigate, useSearch } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useEffect, useMemo, useReducer, useRef, useState } from 'react'
import { api } from '../api/client'
import { queries, queryClient } from '../api/queries'
import { keepInPlace } from '../app/session'
import { t as common } from '../app/words'
import { ActionButton, Button } from '../ui/Button'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { useLatest, useLeaveGuard } from '../ui/hooks'
import { Tag } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import { Conflict, type Meeting } from './Conflict'
import { EditingContext } from './context'
import css from './editor.module.css'
import { apply, isFormDirty, isTextDirty, nameOf, start } from './model'
import { Outline } from './Outline'
import { forgetPlace, keepPlace, placeIn } from './place'
import type { Table } from './pointer'
import { firstError, SECTIONS, sectionOf, stepIndex, type Finding } from './problems'
import { remove, type JobSource } from './requests'
import { Alerts, Identity, LogLevel, Params, Retry, Schedule } from './Sections'
import { StepPanel } from './StepPanel'
import { focusStep, Steps } from './Steps'
import { TextMode } from './TextMode'
import { jobText } from './toml'
import { useFindings } from './useFindings'
import { isShown, problemAt, useSave, type Mode } from './useSave'
import { t } from './words'

const RunDialog = lazy(() => import('../jobs/RunDialog').then((module) => ({ default: module.RunDialog })))

interface Props {
  /** Null for a job that is new. */
  id: string | null
  source: JobSource | null
  copy?: Table
  apps?: string[]
  app?: string
}

/** The version that was made of a new job, for the page that follows it to say so. */
let justCreated: { id: string; version: number } | null = null

export function Editor({ id, source, copy = {}, apps = [], app: startApp = '' }: Props) {
  const isNew = id === null
  const mode: Mode = (useSearch({ strict: false }) as { mode?: string }).mode === 'text' ? 'text' : 'form'
  const navigate = useNavigate()
  const [draft, change] = useReducer(apply, null, () => start(source?.job ?? copy, source?.job ?? copy, source?.etag ?? null, source?.whole ?? jobText(copy)))
  const [app, setApp] = useState(startApp)
  const [chosen, choose] = useState<number | null>(null)
  const [meeting, setMeeting] = useState<Meeting | null>(null)
  const [theirs, setTheirs] = useState<string | null>(null)
  const [dialog, setDialog] = useState<'delete' | 'run' | 'switch' | null>(null)
  const [version, setVersion] = useState<number | null>(() => (justCreated?.id === id ? justCreated!.version : null))
  const [goTo, setGoTo] = useState<{ pointer: string } | null>(null)
  const leaving = useRef(false)
  const body = useRef<HTMLDivElement>(null)
  const isDirty = mode === 'text' ? isTextDirty(draft) : isFormDirty(draft)
  const content = useMemo(() => (mode === 'text' ? { text: draft.text } : { job: draft.job }), [mode, draft.text, draft.job])
  // Of a job that is being deleted the server would say that there is none.
  const asks = dialog !== 'delete' && (isDirty || !isNew || draft.job !== draft.base)
  const check = useFindings(content, draft.keys, isNew ? { app: app || undefined } : { app: source?.app, replaces: id }, asks)
  const put = check.put
  const refused = useCallback((found: Finding[]) => {
    put(found)
    const first = firstError(found)
    if (first) setGoTo({ pointer: first.pointer })
  }, [put])
  const save = useSave({
    id, app, mode, change, refused,
    met: setMeeting,
    created: (saved) => {
      justCreated = { id: saved.id, version: saved.version }
      leaving.current = true
      void navigate({ to: '/jobs/$id/edit', params: { id: saved.id }, search: mode === 'text' ? { mode } : {}, replace: true })
    },
  })
  const press = (then?: () => void) => {
    // The app is no part of the job, so that no pointer of the server leads to it.
    if (isNew && app === '') return refused([problemAt('/app', 'missing-field', t.required)])
    save.mutate({ draft }, { onSuccess: (saved) => { setVersion(saved.version); setTheirs(null); then?.() } })
  }
  const latest = useLatest(() => { if (!save.isPending && (isDirty || isNew)) press() })

  useEffect(() => { justCreated = null }, [])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return
      event.preventDefault()
      latest.current()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [latest])
  useEffect(() => (isDirty ? keepInPlace() : undefined), [isDirty])
  useLeaveGuard(isDirty)
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && !leaving.current && current.pathname !== next.pathname,
    withResolver: true,
    enableBeforeUnload: false,
  })
  // What was saved elsewhere is taken over as long as nothing was typed here.
  const isOther = source !== null && source.etag !== draft.etag && !save.isPending
  useEffect(() => {
    if (isOther && !isDirty && source) change({ do: 'load', job: source.job, etag: source.etag, text: source.whole })
  }, [isOther, isDirty, source])
  // A place on the page: its step is opened first, then the field gets the focus.
  useEffect(() => {
    if (!goTo) return
    const index = stepIndex(goTo.pointer)
    if (index !== null && draft.keys[index] !== undefined && draft.keys[index] !== chosen) {
      choose(draft.keys[index])
      return
    }
    focusPlace(goTo.pointer)
    setGoTo(null)
  }, [goTo, chosen, draft.keys])

  // Back from a run that was begun here.
  useEffect(() => {
    const place = id === null ? null : placeIn(id)
    forgetPlace()
    if (!place) return
    choose(draft.keys[place.step] ?? null)
    const frame = requestAnimationFrame(() => body.current?.scrollTo({ top: place.top }))
    return () => cancelAnimationFrame(frame)
  }, []) // Of the job as it was opened.

  const set = useCallback((pointer: string, value: unknown) => change({ do: 'set', pointer, value }), [])
  const context = useMemo(() => ({ job: draft.job, findings: check.findings, set }), [draft.job, check.findings, set])
  const errors = check.findings.filter((found) => found.severity === 'error')
  const index = chosen === null ? -1 : draft.keys.indexOf(chosen)
  const reload = (current: JobSource) => change({ do: 'load', job: current.job, etag: current.etag, text: current.whole })
  const go = (to: Mode, content?: 'form') => {
    if (to === mode) return
    if (isDirty && !content && !(isNew && to === 'text')) return setDialog('switch')
    if (isNew && to === 'text') change({ do: 'text', text: jobText(draft.job) })
    void navigate({ to: '.', search: (old: Record<string, unknown>) => ({ ...old, mode: to === 'text' ? 'text' : undefined }), replace: true } as never)
  }
  const discard = () => change({ do: 'load', job: draft.base, etag: draft.etag, text: draft.baseText })
  return (
    <EditingContext value={context}>
      <div className={ui.page}>
        <header className={ui.head}>
          <Link to="/jobs">{common.jobs}</Link>
          <span className="muted" aria-hidden="true">/</span>
          {isNew ? <h1>{t.newTitle}</h1> : <><h1 className="mono"><Link to="/jobs/$id" params={{ id }}>{id}</Link></h1><span className="muted">/ {t.edit}</span></>}
          {source && <span className="muted">{t.of(source.path)}</span>}
          {source?.vendor && <Tag>{t.vendor}</Tag>}
          <span className={css.state} data-dirty={isDirty}>{isDirty ? t.unsaved : isNew ? '' : t.clean}</span>
          <span className="grow" />
          <span role="group" aria-label={t.mode} className={css.modes}>
            <Button aria-pressed={mode === 'form'} onClick={() => go('form')}>{t.form}</Button>
            <Button aria-pressed={mode === 'text'} onClick={() => go('text')}>{t.text}</Button>
          </span>
          {!isNew && isDirty && <Button onClick={discard}>{t.revert}</Button>}
          {!isNew && <Button disabled={save.isPending} onClick={() => (isDirty ? press(() => setDialog('run')) : setDialog('run'))}>{t.saveRun}</Button>}
          <ActionButton kind="primary" action={{ ...save, error: isShown(save.error) ? null : save.error }} waiting={t.saving} disabled={!isDirty && !isNew} aria-keyshortcuts="Control+S" data-act="save" onClick={() => press()}>{t.save}</ActionButton>
        </header>
        <div ref={body} className={css.body}>
          <div className={css.notices}>
            {version !== null && !isDirty && <p role="status" className={css.done} data-saved={version}>{t.saved(version)}</p>}
            {isShown(save.error) && errors.length > 0 && <p role="alert" className={css.notice}>{t.errorsLeft(errors.length)}</p>}
            {isOther && isDirty && source && <p role="status" className={css.notice}>{t.changed} <Button onClick={() => setMeeting({ current: source, by: null })}>{t.look}</Button></p>}
            {id && <InFlight id={id} />}
            {check.error !== null && <p><InlineProblem error={check.error} /></p>}
          </div>
          {mode === 'text' ? <TextMode text={draft.text} findings={check.findings} onChange={(text) => change({ do: 'text', text })} theirs={theirs} /> : (
            <div className={css.layout} data-open={index >= 0 || undefined}>
              <Outline findings={check.findings} isChecking={check.isChecking} go={(pointer) => setGoTo({ pointer })} />
              <form className={css.form} onSubmit={(event) => event.preventDefault()} aria-label={id ?? t.newTitle}>
                <Identity isNew={isNew} app={app} apps={apps} setApp={setApp} />
                <Schedule />
                <Params />
                <Steps keys={draft.keys} removed={draft.removed && nameOf(draft.removed.step)} chosen={chosen} choose={choose} change={change} />
                {index >= 0 && <StepPanel key={chosen} index={index} close={() => { choose(null); focusStep(draft.keys[index]!) }} />}
                <Retry />
                <Alerts />
                <LogLevel />
              </form>
            </div>
          )}
          {!isNew && <p className={css.bottom}><Button kind="danger" onClick={() => setDialog('delete')}>{t.remove_job}</Button></p>}
        </div>
      </div>
      {meeting && (
        <Conflict
          meeting={meeting} base={draft.base} mine={mode === 'form' ? draft.job : null} mineText={draft.text}
          close={() => setMeeting(null)}
          take={() => { reload(meeting.current); setMeeting(null); save.reset() }}
          overwrite={() => { setMeeting(null); save.mutate({ draft, etag: meeting.current.etag }, { onSuccess: (saved) => setVersion(saved.version) }) }}
          merge={(job) => {
            const { current } = meeting
            change({ do: 'rebase', job: job ?? draft.job, base: current.job, etag: current.etag, baseText: current.whole })
            if (!job) setTheirs(current.whole)
            setMeeting(null)
            save.reset()
          }}
        />
      )}
      {dialog === 'switch' && (
        <Dialog title={t.switchTitle} size="small" close={() => setDialog(null)} foot={<><Button onClick={() => setDialog(null)}>{t.stay}</Button><Button kind="danger" onClick={() => { discard(); setDialog(null); go(mode === 'text' ? 'form' : 'text', 'form') }}>{t.discard}</Button></>}>
          <p>{t.switchHint}</p>
        </Dialog>
      )}
      {blocker.status === 'blocked' && (
        <Dialog title={t.leaveTitle} size="small" close={blocker.reset} foot={<><Button onClick={blocker.reset}>{t.stay}</Button><Button kind="danger" onClick={blocker.proceed}>{t.leave}</Button></>}>
          <p>{t.leaveHint}</p>
        </Dialog>
      )}
      {dialog === 'run' && id && <Suspense><RunDialog jobId={id} close={() => setDialog(null)} started={() => keepPlace({ job: id, top: body.current?.scrollTop ?? 0, step: index })} /></Suspense>}
      {dialog === 'delete' && id && <Delete id={id} etag={draft.etag} close={() => setDialog(null)} gone={() => { leaving.current = true; void navigate({ to: '/jobs', search: {} }) }} />}
    </EditingContext>
  )
}

/** Scrolls to what is drawn for a place, or for what it lies in, and gives it the focus. */
function focusPlace(pointer: string): void {
  for (let place = pointer; place !== ''; place = place.slice(0, place.lastIndexOf('/'))) {
    const found = document.querySelector<HTMLElement>(`[data-pointer="${CSS.escape(place)}"]`)
    if (!found) continue
    for (let at = found.parentElement; at; at = at.parentElement) if (at instanceof HTMLDetailsElement) at.open = true
    const input = found.querySelector<HTMLElement>('input, textarea, select, [data-code], button') ?? found
    input.focus({ preventScroll: true })
    found.scrollIntoView({ block: 'center' })
    return
  }
  document.getElementById(`section-${SECTIONS.includes(pointer as never) ? pointer : sectionOf(pointer)}`)?.focus()
}

function InFlight({ id }: { id: string }) {
  const { data } = useQuery(queries.job(id))
  if (!data?.active_run_id) return null
  return <p role="status" className={css.notice}>{t.inFlight} <Link to="/runs/$id" params={{ id: data.active_run_id }}>{t.openRun}</Link></p>
}

function Delete({ id, etag, close, gone }: { id: string; etag: string | null; close: () => void; gone: () => void }) {
  const take = useMutation({
    mutationFn: () => remove(id, etag),
    onSuccess: async () => {
      gone()
      queryClient.removeQueries({ queryKey: ['source', id] })
      await queryClient.invalidateQueries({ queryKey: ['jobs'] })
    },
  })
  const disable = useMutation({
    mutationFn: () => api.patchJob(id, { enabled: false }, etag && `"${etag}"`),
    onSuccess: async () => {
      await Promise.all([['jobs'], ['job', id], ['source', id]].map((queryKey) => queryClient.invalidateQueries({ queryKey })))
      close()
    },
  })
  return (
    <ConfirmDialog title={t.removeTitle(id)} confirm={t.removeConfirm} danger word={id} action={take} onConfirm={() => take.mutate()} close={close}>
      <p>{t.removeHint} <ActionButton action={disable} onClick={() => disable.mutate()}>{t.disableInstead}</ActionButton></p>
    </ConfirmDialog>
  )
}
