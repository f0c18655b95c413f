/** The steps in their order: one line each, moved by dragging, by the keyboard and from a menu. */
import { ArrowDown, ArrowUp, ClipboardCopy, ClipboardPaste, Copy, GripVertical, Plus, Trash2 } from 'lucide-react'
import { memo, useEffect, useRef, useState } from 'react'
import { Button, Switch } from '../ui/Button'
import { Menu } from '../ui/Menu'
import ui from '../ui/ui.module.css'
import { useEditing } from './context'
import css from './editor.module.css'
import { copiedStep, copyStep } from './clip'
import { isTable } from './exact'
import { STEP_TYPES } from './fields'
import { copyOf, emptyStep, nameOf, stepsOf, summary, typeOf, type Change } from './model'
import { join } from './pointer'
import { stepIndex } from './problems'
import { Frame } from './Sections'
import { t } from './words'

interface Props {
  keys: number[]
  removed: string | null
  chosen: number | null
  choose: (key: number | null) => void
  change: (change: Change) => void
}

/** Puts the focus on the step's line once it is drawn at its new place. */
export function focusStep(key: number): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-step-key="${key}"] [data-act="open"]`)?.focus())
}

export function Steps({ keys, removed, chosen, choose, change }: Props) {
  const { job, findings } = useEditing()
  const steps = stepsOf(job)
  const [said, setSaid] = useState('')
  const [over, setOver] = useState<number | null>(null)
  const dragged = useRef<number | null>(null)
  const [copied, setCopied] = useState(copiedStep)
  const counts = new Map<number, number>()
  for (const found of findings) {
    const index = stepIndex(found.pointer)
    if (index !== null && found.severity === 'error') counts.set(index, (counts.get(index) ?? 0) + 1)
  }
  const move = (key: number, to: number) => {
    const at = keys.indexOf(key)
    const place = Math.max(0, Math.min(to, steps.length - 1))
    if (place === at) return
    change({ do: 'move', key, to: place })
    setSaid(t.movedTo(nameOf(steps[at]), place + 1, steps.length))
    focusStep(key)
  }
  const latest = useRef({ move, choose, change, keys, job })
  latest.current = { move, choose, change, keys, job }
  const [act] = useState(() => ({
    open: (key: number) => latest.current.choose(key),
    by: (key: number, by: number) => latest.current.move(key, latest.current.keys.indexOf(key) + by),
    enable: (key: number, on: boolean) => latest.current.change({ do: 'set', pointer: join('', 'steps', latest.current.keys.indexOf(key), 'enabled'), value: on }),
    remove: (key: number) => latest.current.change({ do: 'remove', key }),
    copy: (key: number) => {
      const at = latest.current.keys.indexOf(key)
      latest.current.change({ do: 'add', step: copyOf(latest.current.job, stepsOf(latest.current.job)[at]), at: at + 1 })
    },
    keep: (key: number) => {
      copyStep(stepsOf(latest.current.job)[latest.current.keys.indexOf(key)])
      setCopied(copiedStep())
    },
    drag: (key: number | null) => { dragged.current = key },
    over: (index: number | null) => setOver(index),
    drop: (index: number) => {
      setOver(null)
      if (dragged.current !== null) latest.current.move(dragged.current, index)
      dragged.current = null
    },
  }))
  // A step that was just added is the one to fill in.
  const before = useRef(keys)
  useEffect(() => {
    const added = keys.filter((key) => !before.current.includes(key))
    if (added.length === 1 && keys.length === before.current.length + 1) choose(added[0]!)
    before.current = keys
  }, [keys, choose])
  const places = steps.map((_, i) => join('', 'steps', i))
  const current = chosen === null ? -1 : keys.indexOf(chosen)
  return (
    <Frame id="steps" number={4} places={places}>
      <p className="muted">{t.stepsHint}</p>
      {steps.length === 0 && <p>{t.noSteps}</p>}
      <ol className={css.steps} data-pointer="/steps">
        {steps.map((step, i) => (
          <StepRow key={keys[i]} id={keys[i]!} index={i} all={steps.length} step={step} defaults={job.step_defaults} errors={counts.get(i) ?? 0} isChosen={i === current} isOver={over === i} act={act} />
        ))}
      </ol>
      {removed !== null && <p role="status" className={css.undo}>{t.removed(removed)} <Button onClick={() => change({ do: 'undo' })}>{t.undo}</Button></p>}
      <div className={css.presets}>
        <Menu
          className={ui.button}
          label={t.addStep}
          items={[
            ...STEP_TYPES.map((type) => ({ label: type, act: () => change({ do: 'add', step: emptyStep(job, type), at: steps.length }) })),
            copied && { label: t.paste(nameOf(copied), typeOf(copied)), icon: <ClipboardPaste size={15} />, act: () => change({ do: 'add', step: copyOf(job, copied), at: steps.length }) },
          ]}
        >
          <Plus size={14} aria-hidden />{t.addStep}
        </Menu>
        {steps.length > 0 && <Button icon={<Copy size={14} aria-hidden />} onClick={() => act.copy(keys[current < 0 ? steps.length - 1 : current]!)}>{t.addCopy((current < 0 ? steps.length - 1 : current) + 1)}</Button>}
      </div>
      <span className="unseen" role="status">{said}</span>
    </Frame>
  )
}

interface RowProps {
  id: number
  index: number
  all: number
  step: unknown
  defaults: unknown
  errors: number
  isChosen: boolean
  isOver: boolean
  act: {
    open: (key: number) => void
    by: (key: number, by: number) => void
    enable: (key: number, on: boolean) => void
    remove: (key: number) => void
    copy: (key: number) => void
    keep: (key: number) => void
    drag: (key: number | null) => void
    over: (index: number | null) => void
    drop: (index: number) => void
  }
}

const StepRow = memo(function StepRow({ id, index, all, step, defaults, errors, isChosen, isOver, act }: RowProps) {
  const name = nameOf(step) || t.step(index + 1)
  const table = isTable(step) ? step : {}
  const isOn = (table.enabled ?? (isTable(defaults) ? defaults.enabled : undefined)) !== false
  const onKey = (event: React.KeyboardEvent) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
    event.preventDefault()
    act.by(id, event.key === 'ArrowUp' ? -1 : 1)
  }
  return (
    <li
      className={css.step}
      data-step-key={id}
      data-step={name}
      data-chosen={isChosen || undefined}
      data-over={isOver || undefined}
      data-bad={errors > 0 || undefined}
      onKeyDown={onKey}
      onDragOver={(event) => {
        event.preventDefault()
        act.over(index)
      }}
      onDragLeave={() => act.over(null)}
      onDrop={(event) => {
        event.preventDefault()
        act.drop(index)
      }}
    >
      <span
        className={css.handle}
        draggable
        title={t.drag(name)}
        aria-hidden="true"
        onDragStart={(event) => {
          event.dataTransfer.effectAllowed = 'move'
          event.dataTransfer.setData('text/plain', name)
          act.drag(id)
        }}
        onDragEnd={() => {
          act.drag(null)
          act.over(null)
        }}
      ><GripVertical size={15} /></span>
      <button type="button" className={css.stepOpen} data-act="open" aria-expanded={isChosen} onClick={() => act.open(id)}>
        <span className="muted">{index + 1}</span>
        <strong className="mono">{name}</strong>
        <span className={ui.tag}>{typeOf(step) || '?'}</span>
        {!isOn && <span className={ui.tag}>{t.off}</span>}
        <span className={css.summary}>{summary(step, defaults)}</span>
        {errors > 0 && <span className={css.badCount}>{t.problems(errors)}</span>}
      </button>
      <Switch checked={isOn} label={t.stepEnabled(name)} onChange={(on) => act.enable(id, on)} />
      <Menu
        label={t.moreOfStep(name)}
        items={[
          { label: t.up, icon: <ArrowUp size={15} />, hint: 'Alt+↑', disabled: index === 0, act: () => act.by(id, -1) },
          { label: t.down, icon: <ArrowDown size={15} />, hint: 'Alt+↓', disabled: index === all - 1, act: () => act.by(id, 1) },
          { label: t.duplicate, icon: <Copy size={15} />, act: () => act.copy(id) },
          { label: t.copyStep, icon: <ClipboardCopy size={15} />, hint: t.copyStepHint, act: () => act.keep(id) },
          { label: t.remove, icon: <Trash2 size={15} />, danger: true, act: () => act.remove(id) },
        ]}
      />
    </li>
  )
})
