/** Tabs whose choice is part of the address: each is a link, so that back, reload and a pasted link show the same. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import css from './ui.module.css'

export interface Tab {
  id: string
  label: ReactNode
  /** The address. `search` keeps what else stands in it. */
  to: string
  params?: Record<string, string>
  search?: Record<string, string | undefined>
}

export function Tabs({ tabs, current, label }: { tabs: Tab[]; current: string; label: string }) {
  return (
    <nav className={css.tabs} aria-label={label}>
      {tabs.map((tab) => (
        <Link
          key={tab.id}
          to={tab.to as '/'}
          params={tab.params as never}
          search={(tab.search ?? {}) as never}
          // The router marks what it takes for the present address; an address without a search would fit every one with.
          activeOptions={{ exact: true }}
          aria-current={tab.id === current ? 'page' : undefined}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  )
}
