/** Somebody saved in between: what differs, side by side, and the three ways on. Nothing is lost before a choice is made. */
import { useMemo, useState } from 'react'
import { Button } from '../ui/Button'
import { Dialog } from '../ui/Dialog'
import ui from '../ui/ui.module.css'
import css from './editor.module.css'
import look from './text.module.css'
import { differences, merged, ORDER, standard, type Difference, type Side } from './merge'
import type { Table } from './pointer'
import type { JobSource } from './requests'
import { t } from './words'

export interface Meeting {
  current: JobSource
  by: string | null
}

interface Props {
  meeting: Meeting
  base: Table
  /** Null in text mode: texts are merged in the text. */
  mine: Table | null
  mineText: string
  close: () => void
  take: () => void
  overwrite: () => void
  /** With the merged job, or with null to go on with the text beside theirs. */
  merge: (job: Table | null) => void
}

const shown = (value: unknown): string => (value === undefined ? t.nothing : typeof value === 'string' ? value : Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join(', ') : JSON.stringify(value, null, 1))

export function Conflict({ meeting, base, mine, mineText, close, take, overwrite, merge }: Props) {
  const { current, by } = meeting
  const found = useMemo(() => (mine ? differences(base, mine, current.job) : []), [base, mine, current])
  const [choices, setChoices] = useState<Record<string, Side>>({})
  const [byHand, setByHand] = useState(false)
  const choice = (each: Difference): Side => choices[each.place] ?? standard(each)
  return (
    <Dialog
      title={t.conflict}
      close={close}
      size="wide"
      foot={
        <>
          <Button onClick={take}>{t.take}</Button>
          <Button kind="danger" onClick={overwrite}>{t.overwrite}</Button>
          {mine === null
            ? <Button kind="primary" onClick={() => merge(null)}>{t.textMerge}</Button>
            : byHand
              ? <Button kind="primary" onClick={() => merge(merged(mine, current.job, found, choice))}>{t.apply}</Button>
              : <Button kind="primary" onClick={() => setByHand(true)}>{t.merge}</Button>}
        </>
      }
    >
      <p>{t.conflictBy(by ?? '?')} {mine && <span className="muted">{found.length === 0 ? t.noDifference : t.differences(found.length)}</span>}</p>
      {byHand && <p className="muted">{t.mergeHint}</p>}
      {mine === null ? (
        <div className={look.sides}>
          <div className={look.their}><h2>{t.theirs}</h2><pre tabIndex={0} aria-label={t.theirs}>{current.whole}</pre></div>
          <div className={look.their}><h2>{t.mine}</h2><pre tabIndex={0} aria-label={t.mine}>{mineText}</pre></div>
        </div>
      ) : found.length > 0 && (
        <div className={look.diffs} tabIndex={0} role="region" aria-label={t.differences(found.length)}>
          <table className={ui.table}>
            <thead><tr><th>{t.place}</th><th>{t.before}</th><th>{t.theirs}</th><th>{t.mine}</th></tr></thead>
            <tbody>
              {found.map((each) => (
                <tr key={each.place} data-difference={each.place} data-by={each.by}>
                  <td><code>{each.place === ORDER ? t.order : each.place}</code>{each.by === 'both' && <span className={css.badCount}>{t.both}</span>}</td>
                  <td className={look.side}>{shown(each.base)}</td>
                  {(['theirs', 'mine'] as const).map((side) => (
                    <td key={side} className={look.side} data-picked={byHand && choice(each) === side ? true : undefined}>
                      {byHand ? (
                        <label><input type="radio" name={each.place} checked={choice(each) === side} onChange={() => setChoices((old) => ({ ...old, [each.place]: side }))} /> <span>{shown(each[side])}</span></label>
                      ) : shown(each[side])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Dialog>
  )
}
