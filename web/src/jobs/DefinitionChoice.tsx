/** Which definition a replay runs: as it is now, with values of one's own, or as it was in that run. Always said, never guessed. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { queries } from '../api/queries'
import type { RunDocument } from '../api/types'
import css from './dialog.module.css'
import { t } from './dialogWords'
import { versionAt } from './versions'

/** A replay of the definition that was recorded, from this step on; null: from the first. */
export interface Stored {
  step: string | null
}

interface Props {
  job: string
  from: RunDocument
  failed: string | null
  stored: Stored | null
  onChoose: (stored: Stored | null) => void
}

export function DefinitionChoice({ job, from, failed, stored, onChoose }: Props) {
  const { data } = useQuery(queries.versions(job))
  const versions = data?.versions ?? []
  const now = versions.length === 0 ? null : Math.max(...versions.map((each) => each.version))
  const then = versionAt(versions, from.run.queued_at)
  const names = [...new Set(from.steps.map((step) => step.name))]
  return (
    <fieldset className={css.group}>
      <legend>{t.definitionOf}</legend>
      <div className={css.choices}>
        <label><input type="radio" name="definition" checked={stored === null} onChange={() => onChoose(null)} /> {t.current} {now !== null && <span className="muted">({t.rev(now)})</span>}</label>
        <label><input type="radio" name="definition" checked={stored !== null} onChange={() => onChoose({ step: failed })} /> {t.stored} {then !== null && <span className="muted">({t.rev(then)})</span>}</label>
        {now !== null && then !== null && now !== then && <Link to="/jobs/$id" params={{ id: job }} search={{ tab: 'changes', version: String(then) }}>{t.differs}</Link>}
      </div>
      {stored && (
        <>
          <p className="muted">{t.storedHint}</p>
          <label className={css.inline}>
            <span>{t.fromStep}</span>
            <select value={stored.step ?? ''} onChange={(event) => onChoose({ step: event.target.value || null })}>
              <option value="">{t.fromFirst}</option>
              {names.map((name) => <option key={name} value={name}>{name}{name === failed ? ` (${t.failedHere})` : ''}</option>)}
            </select>
          </label>
        </>
      )}
    </fieldset>
  )
}
