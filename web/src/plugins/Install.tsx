/** A component from the person's disk: looked at by the server first, then put in force. Also what a way back comes to. */
import { useMutation } from '@tanstack/react-query'
import { Upload } from 'lucide-react'
import { useState, type DragEvent } from 'react'
import { number } from '../i18n'
import { ActionButton, Button, type Action } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { Fact, Facts } from '../ui/parts'
import { InlineProblem } from '../ui/Problem'
import ui from '../ui/ui.module.css'
import css from './versions.module.css'
import { isName, MOST_BYTES, pluginName, readAgain, versions, type Consent, type Report } from './versions'
import { t } from './words'

interface InstallProps {
  /** The plugin to replace; without it, a new one. */
  plugin?: { name: string; app: string } | undefined
  apps: string[]
}

export function InstallButton(props: InstallProps) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button icon={<Upload size={14} aria-hidden />} onClick={() => setOpen(true)}>{props.plugin ? t.replace : t.install}</Button>
      {open && <InstallDialog {...props} close={() => setOpen(false)} />}
    </>
  )
}

function InstallDialog({ plugin, apps, close }: InstallProps & { close: () => void }) {
  const [file, setFile] = useState<File | null>(null)
  const [name, setName] = useState(plugin?.name ?? '')
  const [app, setApp] = useState(plugin?.app ?? apps[0] ?? '')
  const look = useMutation({ mutationFn: (it: File) => versions.install(name, plugin ? undefined : app, it, { dry_run: true }) })
  const install = useMutation({ mutationFn: (consent: Consent) => versions.install(name, plugin ? undefined : app, file!, consent), onSuccess: readAgain })
  const forget = () => {
    look.reset()
    install.reset()
  }
  const choose = (chosen: File | undefined) => {
    forget()
    setFile(chosen ?? null)
    if (chosen && !plugin) setName(pluginName(chosen.name))
  }
  const tooLarge = file !== null && file.size > MOST_BYTES
  const nameProblem = name !== '' && !isName(name) ? t.badName : undefined
  const appProblem = app !== '' && !isName(app) ? t.badName : undefined
  const ready = file !== null && !tooLarge && isName(name) && (plugin !== undefined || isName(app))
  const report = install.data ?? look.data
  return (
    <Dialog
      title={plugin ? t.replaceOf(plugin.name) : t.installTitle}
      close={close}
      size="wide"
      foot={<Foot report={report} ready={ready} look={look} install={install} onLook={() => look.mutate(file!)} onInstall={(consent) => install.mutate(consent)} close={close} />}
    >
      <DropZone file={file} choose={choose} />
      {tooLarge && <p className={css.bad} role="alert">{t.tooLarge(number(MOST_BYTES))}</p>}
      {!plugin && (
        <>
          <Field label={t.pluginName} hint={t.pluginNameHint} error={nameProblem}>{(tie) => <input {...tie} type="text" spellCheck={false} autoComplete="off" value={name} onChange={(event) => { forget(); setName(event.target.value) }} />}</Field>
          <Field label={t.app} hint={t.appHint} error={appProblem}>
            {(tie) => (
              <>
                <input {...tie} type="text" list="apps-known" spellCheck={false} autoComplete="off" value={app} onChange={(event) => { forget(); setApp(event.target.value) }} />
                <datalist id="apps-known">{apps.map((each) => <option key={each} value={each} />)}</datalist>
              </>
            )}
          </Field>
        </>
      )}
      {report && <ReportView report={report} />}
    </Dialog>
  )
}

/** Takes a file that is dropped on it or chosen. */
function DropZone({ file, choose }: { file: File | null; choose: (file: File | undefined) => void }) {
  const [over, setOver] = useState(false)
  const stop = (event: DragEvent) => {
    event.preventDefault()
    setOver(event.type === 'dragover')
  }
  return (
    <label
      className={css.drop}
      data-over={over || undefined}
      onDragOver={stop}
      onDragLeave={stop}
      onDrop={(event) => {
        stop(event)
        choose(event.dataTransfer.files[0])
      }}
    >
      <Upload size={18} aria-hidden />
      <span>{file ? <><strong className="mono">{file.name}</strong> <span className="muted">{number(file.size)} {t.bytes}</span></> : t.dropHere}</span>
      <input type="file" accept=".wasm,application/wasm" aria-label={t.chooseFile} onChange={(event) => choose(event.target.files?.[0])} />
    </label>
  )
}

interface FootProps {
  report: Report | undefined
  ready: boolean
  look: Action
  install: Action
  onLook: () => void
  onInstall: (consent: Consent) => void
  close: () => void
}

/** What comes next: look, install, or that it is done. The button says what the person agrees to. */
export function Foot({ report, ready, look, install, onLook, onInstall, close }: FootProps) {
  if (report?.installed) return <Button kind="primary" onClick={close}>{t.close}</Button>
  if (!report) return <><Button onClick={close}>{t.cancel}</Button><ActionButton kind="primary" action={look} waiting={t.looking} disabled={!ready} onClick={onLook}>{t.look}</ActionButton></>
  const [widens, breaks] = [report.unapproved.length > 0, report.breaks.length > 0]
  const label = breaks ? t.installBreaking : widens ? t.installApproving : t.installNow
  return (
    <>
      <InlineProblem error={install.error} />
      <Button onClick={close}>{t.cancel}</Button>
      <Button kind={breaks ? 'danger' : 'primary'} pending={install.isPending} onClick={() => onInstall({ approve: widens, break_jobs: breaks })}>{install.isPending ? t.installing : label}</Button>
    </>
  )
}

export function ReportView({ report }: { report: Report }) {
  return (
    <section className={css.report} data-report={report.installed ? 'installed' : 'looked'} aria-label={t.found}>
      {report.installed ? <p role="status" className={css.good}>{t.isInstalled}</p> : <p role="status">{t.isSound}</p>}
      <Facts>
        <Fact name={t.file}><span className="mono">{report.path}</span></Fact>
        <Fact name={t.size}>{number(report.size)} {t.bytes}</Fact>
        <Fact name={t.digest}><span className="mono">{report.digest}</span></Fact>
        {report.previous && <Fact name={t.before}><span className="mono">{report.previous === report.digest ? t.same : report.previous}</span></Fact>}
        <Fact name={t.callables}><span className="mono">{report.callables.join(', ')}</span></Fact>
      </Facts>
      {report.unapproved.length > 0 && <Asks asked={report.asked} unapproved={report.unapproved} />}
      {report.removed.length > 0 && <p className={css.bad}>{t.removed} <span className="mono">{report.removed.join(', ')}</span></p>}
      {report.breaks.length > 0 && (
        <div className={ui.problem} role="alert" data-breaks>
          <h3>{t.breaks(report.breaks.length)}</h3>
          <ul>{report.breaks.map((job) => <li key={job.id} data-breaks-job={job.id}><span className="mono">{job.id}</span>: {job.problems.join('; ')}</li>)}</ul>
        </div>
      )}
      {report.mends.length > 0 && <p>{t.mends} <span className="mono">{report.mends.join(', ')}</span></p>}
    </section>
  )
}

/** What it asks for, as lines of a diff: `+` is new. */
export function Asks({ asked, unapproved }: { asked: string[]; unapproved: string[] }) {
  return (
    <div className={css.asks} data-unapproved={unapproved.join(' ')}>
      <h3>{t.asksFor}</h3>
      <ul>
        {asked.map((ask) => {
          const isNew = unapproved.includes(ask)
          return <li key={ask} data-new={isNew || undefined}><span className="mono" aria-hidden="true">{isNew ? '+' : ' '}</span> {t.asksWords[ask] ?? ask} {isNew && <strong>{t.isNew}</strong>}</li>
        })}
      </ul>
    </div>
  )
}
