/** Connectors that an import names and this server does not have: each is called otherwise here, or made now. */
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useMay } from '../api/permissions'
import { connectorQueries } from '../connectors/connectors'
import { Button } from '../ui/Button'
import { Field } from '../ui/Field'
import css from './settings.module.css'
import { t } from './words'

const ConnectorDialog = lazy(() => import('../connectors/ConnectorDialog').then((module) => ({ default: module.ConnectorDialog })))

interface Props {
  names: string[]
  mapping: Record<string, string>
  /** What they are called here; a name that was made just now maps to itself. */
  onChange: (mapping: Record<string, string>) => void
}

export function Mapping({ names, mapping, onChange }: Props) {
  const { data } = useQuery(connectorQueries.all())
  const may = useMay()
  const [making, setMaking] = useState<string | null>(null)
  if (names.length === 0) return null
  const known = data?.connectors.map((each) => each.name) ?? []
  return (
    <fieldset className={css.mapping}>
      <legend>{t.missingConnectors}</legend>
      <p className="muted">{t.mappingHint}</p>
      {names.map((name) => (
        <Field key={name} label={<code>{name}</code>}>
          {(tie) => (
            <span className={css.bar} data-mapping={name}>
              <select {...tie} value={mapping[name] ?? ''} onChange={(event) => onChange({ ...mapping, [name]: event.target.value })}>
                <option value="">{t.mapTo}</option>
                {known.map((each) => <option key={each} value={each}>{each}</option>)}
              </select>
              {may('superuser') && !known.includes(name) && <Button onClick={() => setMaking(name)}>{t.makeIt(name)}</Button>}
            </span>
          )}
        </Field>
      ))}
      {making !== null && <Suspense><ConnectorDialog source={null} name={making} close={() => setMaking(null)} saved={(made) => { onChange({ ...mapping, [making]: made }); setMaking(null) }} /></Suspense>}
    </fieldset>
  )
}
