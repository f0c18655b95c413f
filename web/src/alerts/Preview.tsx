/** How a message over a transport would look, told of a real run; nothing is sent. Also of values that are not saved yet. */
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Eye } from 'lucide-react'
import { useEffect, useState } from 'react'
import { ApiError } from '../api/http'
import type { PreviewBody } from '../api/wire'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/Copy'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { t as shared } from '../ui/words'
import { alerts, EVENTS, type EventName, type MessagePreview } from './api'
import css from './alerts.module.css'
import { t } from './words'

/** The event and, if somebody wants another than the newest, the run that the message tells of. */
export function PreviewDialog({ title, of, close }: { title: string; of: () => Omit<PreviewBody, 'event' | 'run_id'>; close: () => void }) {
  const [event, setEvent] = useState<EventName>('failed')
  const [run, setRun] = useState('')
  const draw = useMutation({ mutationFn: (asked: { event: EventName; run: string }) => alerts.preview({ ...of(), event: asked.event, ...(asked.run ? { run_id: asked.run } : {}) }) })
  const { mutate } = draw
  useEffect(() => mutate({ event: 'failed', run: '' }), [mutate])
  return (
    <Dialog title={title} close={close} foot={<Button onClick={close}>{shared.close}</Button>}>
      <form
        className={css.previewForm}
        onSubmit={(submit) => {
          submit.preventDefault()
          mutate({ event, run: run.trim() })
        }}
      >
        <Field label={t.event}>
          {(tie) => (
            <select
              {...tie}
              value={event}
              onChange={(change) => {
                const next = change.target.value as EventName
                setEvent(next)
                mutate({ event: next, run: run.trim() })
              }}
            >
              {EVENTS.map((each) => <option key={each} value={each}>{t.eventNames[each]}</option>)}
            </select>
          )}
        </Field>
        <Field label={t.ofRun} hint={t.ofRunHint}>{(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" value={run} onChange={(change) => setRun(change.target.value)} />}</Field>
        <div><Button type="submit" icon={<Eye size={13} aria-hidden />} pending={draw.isPending}>{draw.isPending ? t.drawing : t.draw}</Button></div>
      </form>
      <PreviewProblem error={draw.error} />
      {draw.data && !draw.isPending && <Drawn preview={draw.data} />}
    </Dialog>
  )
}

interface Place {
  pointer?: string
  message: string
  line?: number
  column?: number
}

/** What cannot be drawn, with the place in the template. */
function PreviewProblem({ error }: { error: unknown }) {
  if (!(error instanceof ApiError) || !error.problem.problems) return <InlineProblem error={error} />
  const found = error.problem.problems as unknown as Place[]
  return (
    <div role="alert" data-preview="failed">
      <ul className={css.told}>
        {found.map((each, i) => (
          <li key={i} className={css.lastError}>
            {each.line !== undefined && <strong>{t.place(each.line, each.column ?? 1)} </strong>}
            {each.pointer && <code>{each.pointer}</code>} {each.line === undefined ? each.message : each.message.replace(/, at line \d+, column \d+$/, '')}
          </li>
        ))}
      </ul>
    </div>
  )
}

function Drawn({ preview }: { preview: MessagePreview }) {
  return (
    <div className={css.result} role="status" data-preview={preview.sample ? 'sample' : 'run'}>
      <p>
        {preview.sample ? t.sampleOf(t.eventNames[preview.event] ?? preview.event) : <>{t.toldOf} <Link to="/runs/$id" params={{ id: preview.run_id! }}><span className="mono">{preview.run_id}</span></Link> <span className="muted">{preview.job_id}</span></>}
      </p>
      {preview.links_missing && <p className={css.lastError}>{t.noUrl} {t.noUrlHint}</p>}
      {preview.warnings.map((each) => <p key={each} className={css.lastError}>{each}</p>)}
      <p><span className="muted">{t.recipient}</span> {preview.recipient ? <code>{preview.recipient}</code> : t.everyone}</p>
      <p><span className="muted">{t.messageTitle}</span> <strong>{preview.title}</strong></p>
      {preview.parts.map((part) => (
        <section key={part.media_type} aria-label={part.media_type}>
          <p className={css.partHead}><code>{part.media_type}</code> <CopyButton text={part.text} label={t.copyPart} /></p>
          <pre className={css.part} tabIndex={0} aria-label={part.media_type}>{part.text}</pre>
        </section>
      ))}
    </div>
  )
}
