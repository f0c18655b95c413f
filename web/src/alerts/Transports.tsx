/** The transports as cards: where each leads, whether its secrets are set, what became of its last message, and a real test. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Eye, Pencil, Plus, Send, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { ConfirmDialog, Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Empty, Fact, Facts, Skeleton, Tag } from '../ui/parts'
import { InlineProblem, ProblemPanel } from '../ui/Problem'
import { Ago } from '../ui/Times'
import { t as ui_t } from '../ui/words'
import ui from '../ui/ui.module.css'
import { alertQueries, alerts, type Transport } from './api'
import css from './alerts.module.css'
import { Outcome } from './Outcome'
import { PreviewDialog } from './Preview'
import { TestResult } from './TestResult'
import { targetOf } from './transport'
import { TransportDialog } from './TransportDialog'
import { t } from './words'

type Layer = { edit: Transport | null } | { remove: Transport } | { test: Transport } | { preview: Transport } | null

export const refreshAlerts = () => Promise.all([queryClient.invalidateQueries({ queryKey: ['transports'] }), queryClient.invalidateQueries({ queryKey: ['deliveries'] })])

export function Transports() {
  const { data, error, isPending, refetch } = useQuery(alertQueries.transports())
  const [layer, setLayer] = useState<Layer>(null)
  const close = () => setLayer(null)
  const add = <Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setLayer({ edit: null })}>{t.add}</Button>
  return (
    <>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data?.transports.length === 0 && <Empty title={t.none}><span>{t.noneHint}</span>{add}</Empty>}
      {data && data.transports.length > 0 && (
        <>
          <div>{add}</div>
          {data.public_url === null && <p className="muted">{t.noUrl} {t.noUrlHint}</p>}
          <ul className={css.cards}>
            {data.transports.map((transport) => <Card key={transport.name} transport={transport} open={setLayer} />)}
          </ul>
        </>
      )}
      {layer && 'edit' in layer && <TransportDialog transport={layer.edit} taken={data?.transports.map((each) => each.name) ?? []} close={close} />}
      {layer && 'remove' in layer && <Remove transport={layer.remove} close={close} />}
      {layer && 'test' in layer && <TestDialog transport={layer.test} close={close} />}
      {layer && 'preview' in layer && <PreviewDialog title={`${t.preview}: ${layer.preview.name}`} of={() => ({ name: layer.preview.name })} close={close} />}
    </>
  )
}

function Card({ transport, open }: { transport: Transport; open: (layer: Layer) => void }) {
  const last = transport.last_delivery
  return (
    <li className={ui.panel} data-transport={transport.name}>
      <h2>
        <span className="mono">{transport.name}</span><Tag>{t.kinds[transport.kind]}</Tag>
        {!transport.enabled && <Tag>{t.off}</Tag>}
        {transport.source === 'file' && <Tag>{t.fromFile}</Tag>}
        {transport.failing && <Outcome outcome="FAILED" words={t.failing} />}
      </h2>
      <Facts>
        {targetOf(transport) && <Fact name={t.target}><code>{targetOf(transport)}</code></Fact>}
        <Fact name={t.to}>{transport.default_recipient ? <code>{transport.default_recipient}</code> : t.everyone}</Fact>
        <Fact name={t.last}>
          {last ? <><Link to="/alerts/$tab" params={{ tab: 'deliveries' }} search={{ delivery: last.id }}>{t.outcomes[last.outcome] ?? last.outcome}</Link> <Ago at={last.at} /></> : t.never}
        </Fact>
        <Fact name={t.secrets}>{Object.entries(transport.secrets).map(([field, secret]) => <div key={field}>{t.fields[field] ?? field} {secret.state === 'set' ? t.secretSet : t.secretUnset}</div>)}</Fact>
      </Facts>
      {last?.error && <p className={css.lastError}>{last.error}</p>}
      <div className={css.buttons}>
        <Button icon={<Send size={13} aria-hidden />} aria-label={`${t.test} ${transport.name}`} onClick={() => open({ test: transport })}>{t.test}</Button>
        <Button icon={<Eye size={13} aria-hidden />} aria-label={`${t.preview} ${transport.name}`} onClick={() => open({ preview: transport })}>{t.preview}</Button>
        {transport.source === 'store' && (
          <>
            <Button icon={<Pencil size={13} aria-hidden />} aria-label={`${t.edit} ${transport.name}`} onClick={() => open({ edit: transport })}>{t.edit}</Button>
            <Button kind="quiet" icon={<Trash2 size={13} aria-hidden />} aria-label={`${t.remove} ${transport.name}`} onClick={() => open({ remove: transport })}>{t.remove}</Button>
          </>
        )}
      </div>
    </li>
  )
}

function TestDialog({ transport, close }: { transport: Transport; close: () => void }) {
  const [to, setTo] = useState('')
  const test = useMutation({ mutationFn: () => alerts.test(transport.name, to.trim()), onSettled: refreshAlerts })
  return (
    <Dialog
      title={`${t.test}: ${transport.name}`}
      close={close}
      size="small"
      foot={
        <>
          <InlineProblem error={test.error} />
          <Button onClick={close}>{ui_t.close}</Button>
          <Button kind="primary" icon={<Send size={13} aria-hidden />} pending={test.isPending} onClick={() => test.mutate()}>{test.isPending ? t.testing : t.test}</Button>
        </>
      }
    >
      <Field label={t.testTo} hint={transport.default_recipient ?? t.testToHint}>{(tie) => <input {...tie} type="text" spellCheck={false} value={to} onChange={(event) => setTo(event.target.value)} />}</Field>
      {test.data && !test.isPending && <TestResult result={test.data} />}
    </Dialog>
  )
}

function Remove({ transport, close }: { transport: Transport; close: () => void }) {
  const remove = useMutation({
    mutationFn: () => alerts.deleteTransport(transport.name),
    onSuccess: async () => {
      await refreshAlerts()
      close()
    },
  })
  return <ConfirmDialog title={t.removing(transport.name)} danger confirm={t.remove} action={remove} onConfirm={() => remove.mutate()} close={close}><p>{t.removeHint}</p></ConfirmDialog>
}
