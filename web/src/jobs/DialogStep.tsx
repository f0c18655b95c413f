/** One step of the run dialog: on or off for this run, and its arguments. */
import { Menu } from '../ui/Menu'
import ui from '../ui/ui.module.css'
import css from './dialog.module.css'
import { t } from './dialogWords'
import { FieldRow } from './FieldRow'
import type { Field, StepDraft } from './overrides'

interface Props {
  step: StepDraft
  number: number
  /** What the server found wrong, by place in the request. */
  wrong: ReadonlyMap<string, string>
  onChange: (step: StepDraft) => void
  onFrom: () => void
  onOnly: () => void
}

export function StepRow({ step, number, wrong, onChange, onFrom, onOnly }: Props) {
  const replaceField = (field: Field) => step.fields.map((each) => (each.key === field.key ? field : each))
  return (
    <div className={css.step}>
      <div className={css.stepHead}>
        <label>
          <input type="checkbox" aria-label={t.runStep(step.name)} checked={step.enabled} onChange={(event) => onChange({ ...step, enabled: event.target.checked })} />
          <span className="muted">{number}</span>
          <span className={`mono ${css.stepName} ${step.enabled ? '' : css.off}`} title={step.name}>{step.name}</span>
          {!step.enabled && <span className={ui.tag}>{t.skip}</span>}
        </label>
        <Menu
          label={`${t.steps}: ${step.name}`}
          className={`${ui.button} ${ui.quiet} ${ui.icon} ${css.stepMenu}`}
          items={[{ label: t.fromHere(step.name), act: onFrom }, { label: t.onlyThis(step.name), act: onOnly }]}
        />
      </div>
      {step.enabled && step.fields.length > 0 && (
        <details className={css.fields} open={step.fields.length <= 4}>
          <summary className="muted">{step.fields.map((field) => field.key).join(', ')}</summary>
          {step.fields.map((field) => (
            <FieldRow key={field.key} field={field} problem={wrong.get(`/op_kwargs/${step.name}/${field.key}`)} label={field.key} name={t.argument(step.name, field.key)} onChange={(next) => onChange({ ...step, fields: replaceField(next) })} />
          ))}
        </details>
      )}
    </div>
  )
}
