/** Where the values of a run begin: as saved, as one of the last different sets, or as a preset; and keeping them as one. */
import { useQuery } from '@tanstack/react-query'
import { BookmarkPlus } from 'lucide-react'
import { useState } from 'react'
import { queries } from '../api/queries'
import type { JobDetail, RunDocument, RunRequest } from '../api/types'
import { Button } from '../ui/Button'
import { InlineProblem } from '../ui/Problem'
import { shortInstant, toMillis } from '../ui/time'
import { useJobRights } from './actions'
import css from './dialog.module.css'
import { t } from './dialogWords'
import { presetsOf, withPreset, type Preset } from './named'
import { draftLike, draftOf, givenTo, type Draft } from './overrides'
import { useJobChange } from './useJobChange'

interface Props {
  job: JobDetail
  from: RunDocument | undefined
  preset: Preset | undefined
  onChoose: (draft: Draft) => void
}

export function StartFrom({ job, from, preset, onChoose }: Props) {
  const [chosen, setChosen] = useState(from ? `run:${from.run.id}` : preset ? `preset:${preset.name}` : '')
  const { data } = useQuery(queries.inputs(job.id))
  const source = useQuery(queries.source(job.id))
  const presets = source.data ? presetsOf(source.data.job) : []
  const given = data?.inputs ?? []
  const when = (at: string | null) => shortInstant(toMillis(at) ?? 0)
  const choose = (value: string) => {
    setChosen(value)
    const name = value.slice(value.indexOf(':') + 1)
    const set = value.startsWith('preset:') ? presets.find((each) => each.name === name)?.values : undefined
    const input = from?.run.id === name ? from.run : given.find((each) => each.run_id === name)
    if (set) onChoose(draftLike(job, set))
    else onChoose(value.startsWith('run:') && input ? draftLike(job, givenTo(input)) : draftOf(job))
  }
  if (given.length === 0 && presets.length === 0 && !from) return null
  return (
    <label className={css.inline}>
      <span>{t.startFrom}</span>
      <select value={chosen} onChange={(event) => choose(event.target.value)}>
        <option value="">{t.saved}</option>
        {presets.length > 0 && (
          <optgroup label={t.presets}>
            {presets.map((each) => <option key={each.name} value={`preset:${each.name}`}>{each.name}</option>)}
          </optgroup>
        )}
        <optgroup label={t.lastValues}>
          {from && !given.some((each) => each.run_id === from.run.id) && <option value={`run:${from.run.id}`}>{t.runOf(when(from.run.queued_at), from.run.triggered_by, from.run.status)}</option>}
          {given.map((each) => <option key={each.run_id} value={`run:${each.run_id}`}>{t.runOf(when(each.queued_at), each.triggered_by, each.status)}</option>)}
        </optgroup>
      </select>
    </label>
  )
}

/** Keeps the changes of the dialog under a name, in the file of the job. */
export function SavePreset({ job, values, disabled }: { job: JobDetail; values: RunRequest; disabled: boolean }) {
  const { edit } = useJobRights(job.id)
  const [name, setName] = useState<string | null>(null)
  const save = useJobChange(job.id, () => setName(null))
  if (!edit) return null
  if (name === null) {
    return (
      <>
        <Button kind="quiet" icon={<BookmarkPlus size={14} aria-hidden />} disabled={disabled} onClick={() => setName('')}>{t.savePreset}</Button>
        {save.isSuccess && <span role="status" className="muted">{t.presetSaved}</span>}
      </>
    )
  }
  const keep = () => save.mutate((saved) => withPreset(saved, { name: name.trim(), values }))
  return (
    <span className={css.presetName}>
      <input
        type="text"
        autoFocus
        aria-label={t.presetName}
        placeholder={t.presetName}
        value={name}
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.ctrlKey || event.metaKey) return
          event.preventDefault()
          if (name.trim() !== '' && !disabled) keep()
        }}
      />
      <Button pending={save.isPending} disabled={name.trim() === '' || disabled} onClick={keep}>{t.keepPreset}</Button>
      <Button kind="quiet" onClick={() => setName(null)}>{t.close}</Button>
      <InlineProblem error={save.error} />
    </span>
  )
}
