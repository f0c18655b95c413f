/** The named sets of values of a job: what each sets, and to run, schedule or remove it. The run dialog makes new ones. */
import { useQuery } from '@tanstack/react-query'
import { CalendarPlus, Play, Trash2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { queries } from '../api/queries'
import type { JobDetail } from '../api/types'
import { Button } from '../ui/Button'
import { httpRequest, runCommand } from '../ui/commands'
import { CopyAsMenu } from '../ui/CopyAs'
import { ConfirmDialog } from '../ui/Dialog'
import { endpoint } from '../api/http'
import { Panel } from '../ui/parts'
import { useJobRights } from './actions'
import { CopyChange } from './CopyChange'
import css from './job.module.css'
import { t } from './jobWords'
import { presetsOf, summary, withoutPreset, type Preset } from './named'
import { ScheduleDialog } from './ScheduleDialog'
import { useJobChange } from './useJobChange'

const RunDialog = lazy(() => import('./RunDialog').then((module) => ({ default: module.RunDialog })))

export function Presets({ job }: { job: JobDetail }) {
  const rights = useJobRights(job.id)
  const { data } = useQuery(queries.source(job.id))
  const [running, setRunning] = useState<Preset | null>(null)
  const [scheduling, setScheduling] = useState<Preset | null>(null)
  const [removing, setRemoving] = useState<Preset | null>(null)
  const remove = useJobChange(job.id, () => setRemoving(null))
  const presets = data ? presetsOf(data.job) : []
  if (!data) return null
  return (
    <Panel title={<>{t.presets} <span className="muted">{presets.length}</span></>}>
      {presets.length === 0 && <p className={`muted ${css.pad}`}>{t.noPresets}</p>}
      {presets.map((preset) => (
        <div key={preset.name} className={css.preset} data-preset-name={preset.name}>
          <strong className="mono">{preset.name}</strong>
          <span className="muted">{summary(preset.values, t.off, t.on) || t.asSaved}</span>
          <span className={css.presetActions}>
            {rights.run && <Button icon={<Play size={13} aria-hidden />} aria-label={t.runPreset(preset.name)} disabled={job.active_run_id !== null} onClick={() => setRunning(preset)}>{t.run_}</Button>}
            {rights.edit && <Button icon={<CalendarPlus size={13} aria-hidden />} aria-label={t.schedulePreset(preset.name)} onClick={() => setScheduling(preset)}>{t.scheduleIt}</Button>}
            {rights.run && <CopyAsMenu label={t.moreOf(preset.name)} command={() => runCommand(job.id, preset.values)} request={() => httpRequest('POST', endpoint(`admin/jobs/${encodeURIComponent(job.id)}/run`), preset.values)} />}
            {rights.edit && <Button kind="quiet" icon={<Trash2 size={14} aria-hidden />} aria-label={t.removePreset(preset.name)} title={t.removePreset(preset.name)} onClick={() => setRemoving(preset)} />}
          </span>
        </div>
      ))}
      {running && <Suspense><RunDialog jobId={job.id} preset={running.name} close={() => setRunning(null)} /></Suspense>}
      {scheduling && <ScheduleDialog job={job.id} name={null} preset={scheduling} close={() => setScheduling(null)} />}
      {removing && (
        <ConfirmDialog title={t.removePreset(removing.name)} confirm={t.remove} danger action={remove} extra={<CopyChange job={job.id} change={(saved) => withoutPreset(saved, removing.name)} />} onConfirm={() => remove.mutate((saved) => withoutPreset(saved, removing.name))} close={() => setRemoving(null)}>
          <p>{t.removePresetHint}</p>
        </ConfirmDialog>
      )}
    </Panel>
  )
}
