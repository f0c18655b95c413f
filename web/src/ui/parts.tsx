/** Small shared pieces of every page: its frame, facts, empty states, what is loading. */
import type { ReactNode } from 'react'
import { useSlow } from './hooks'
import { Single } from './Times'
import css from './ui.module.css'
import { t } from './words'

/** A page: its head stays, its body scrolls. `fills` gives the body to the children as it is. */
export function Page({ head, children, fills = false }: { head: ReactNode; children: ReactNode; fills?: boolean }) {
  return (
    <div className={css.page}>
      <header className={css.head}>{head}</header>
      {fills ? children : <div className={css.body}>{children}</div>}
    </div>
  )
}

/** A titled box of a page. `actions` stand at the right of the title. */
export function Panel({ title, actions, children, id }: { title?: ReactNode; actions?: ReactNode; children: ReactNode; id?: string }) {
  return (
    <section className={css.panel} id={id}>
      {title !== undefined && <h2>{title}{actions && <><span className="grow" />{actions}</>}</h2>}
      {children}
    </section>
  )
}

export function Fact({ name, children }: { name: ReactNode; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd><Single value={true}>{children}</Single></dd>
    </div>
  )
}

export function Facts({ children }: { children: ReactNode }) {
  return <dl className={css.facts}>{children}</dl>
}

export function Tag({ children }: { children: ReactNode }) {
  return <span className={css.tag}>{children}</span>
}

/** Nothing to show: says so and carries the way on. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={css.empty}>
      <strong>{title}</strong>
      {children}
    </div>
  )
}

/** Grey blocks in place of what is loading; nothing at all when it comes quickly. */
export function Skeleton({ pending, rows = 4 }: { pending: boolean; rows?: number }) {
  if (!useSlow(pending)) return null
  return (
    <div className={css.skeleton} role="status" aria-label={t.loading}>
      {Array.from({ length: rows }, (_, i) => <div key={i} />)}
    </div>
  )
}

export function Json({ value }: { value: unknown }) {
  return <pre className={css.json} tabIndex={0}>{typeof value === 'string' ? value : JSON.stringify(value, null, 2)}</pre>
}
