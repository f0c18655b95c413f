/** The facets of the catalogue, with how many jobs each choice would leave; on a narrow screen they fold away. */
import { Funnel } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import type { JobCard } from '../api/types'
import { choices } from '../app/preferences'
import { Button } from '../ui/Button'
import { usePreference } from '../ui/hooks'
import { severity, shownStatus, type Facet, type Facets } from './filter'
import css from './jobs.module.css'
import { t } from './words'

interface Props {
  jobs: JobCard[]
  chosen: Facets
  onChoose: (facet: Facet, value: string) => void
  children: ReactNode
}

type Choice = [value: string, label: string]

function counted(values: string[], order: (a: string, b: string) => number): Choice[] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort(([a], [b]) => order(a, b)).map(([value, n]) => [value, `${value} (${n})`])
}

const byName = (a: string, b: string) => (a < b ? -1 : 1)

export function FacetBar({ jobs, chosen, onChoose, children }: Props) {
  const [open, setOpen] = useState(false)
  const [group, setGroup] = usePreference('jobsGroup')
  const options: Record<Facet, Choice[]> = {
    state: counted(jobs.map(shownStatus), (a, b) => severity(a) - severity(b)),
    tag: counted(jobs.flatMap((job) => job.tags), byName),
    enabled: [['yes', t.yes], ['no', t.no]],
    kind: [['scheduled', t.scheduled], ['manual', t.manual]],
    app: counted(jobs.map((job) => job.app), byName),
    internal: [['no', t.hidden]],
  }
  return (
    <div className={css.facets} data-open={open}>
      <Button kind="quiet" className={css.facetsToggle} icon={<Funnel size={14} aria-hidden />} aria-expanded={open} onClick={() => setOpen(!open)}>{t.more}</Button>
      <div className={css.facetRow}>
        {(Object.keys(options) as Facet[]).map((facet) => (
          <label key={facet} className={css.facet} data-set={chosen[facet] !== undefined}>
            <span>{t.facets[facet]}</span>
            <select value={chosen[facet] ?? ''} onChange={(event) => onChoose(facet, event.target.value)}>
              <option value="">{facet === 'internal' ? t.shown : t.any}</option>
              {options[facet].map(([value, label]) => <option key={value} value={value}>{label}</option>)}
              {/* What a link asks for may not be there at the moment. */}
              {chosen[facet] !== undefined && !options[facet].some(([value]) => value === chosen[facet]) && <option value={chosen[facet]}>{chosen[facet]}</option>}
            </select>
          </label>
        ))}
        <label className={css.facet}>
          <span>{t.group}</span>
          <select value={group} onChange={(event) => setGroup(event.target.value as typeof group)}>
            {choices('jobsGroup').map((each) => <option key={each} value={each}>{t.groups[each]}</option>)}
          </select>
        </label>
        {children}
      </div>
    </div>
  )
}
