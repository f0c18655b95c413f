/** One step in full, beside the list of steps. */
import { X } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { Button } from '../ui/Button'
import { useEditing } from './context'
import css from './editor.module.css'
import { isTable } from './exact'
import { Fields, Found } from './Fields'
import { extrasOf, fieldsOf, hasArguments, STEP_HEAD } from './fields'
import { typeOf } from './model'
import { Pin } from './Pin'
import { join, read } from './pointer'
import { leftOfStep } from './problems'
import { Arguments } from './SchemaForm'
import { ValueTable } from './ValueTable'
import { t } from './words'

export function StepPanel({ index, close }: { index: number; close: () => void }) {
  const { job, findings, set } = useEditing()
  const base = join('', 'steps', index)
  const step = read(job, base)
  const panel = useRef<HTMLElement>(null)
  // A step is opened to be filled in. Moving it draws it anew, but does not open it again.
  useEffect(() => panel.current?.querySelector<HTMLElement>('input, select, textarea')?.focus(), [])
  if (!isTable(step)) return null
  const type = typeOf(step)
  const left = leftOfStep(findings, step, index)
  const extras = extrasOf(step)
  return (
    <aside
      ref={panel}
      className={css.panel}
      aria-label={t.step(index + 1)}
      data-step-panel={index}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || event.defaultPrevented) return
        event.preventDefault()
        close()
      }}
    >
      <h2>{t.step(index + 1)} · <span className="mono" title={t.typeLocked}>{type}</span><span className="grow" /><Button kind="quiet" icon={<X size={15} aria-hidden />} aria-label={t.close} title={t.close} onClick={close} /></h2>
      <div className={css.fields}>
        {left.length > 0 && <p className={css.left} role="note"><Found found={left} /></p>}
        <Fields base={base} specs={[...STEP_HEAD, ...fieldsOf(type)]} defaults="/step_defaults" hints={{ when: t.whenHint }} />
        {type === 'wasm' && <Pin callable={step.callable ?? read(job, '/step_defaults/callable')} />}
        {hasArguments(type) && <Arguments base={base} />}
        {extras.length > 0 && (
          <fieldset className={css.group}>
            <legend>{t.extra}</legend>
            <p className="muted">{t.extraHint}</p>
            <ValueTable
              pointer={base} name={t.extra} findings={findings} value={Object.fromEntries(extras.map((key) => [key, step[key]]))}
              onChange={(next) => set(base, { ...Object.fromEntries(Object.entries(step).filter(([key]) => !extras.includes(key))), ...next })}
            />
          </fieldset>
        )}
      </div>
    </aside>
  )
}
