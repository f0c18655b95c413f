/** A snapshot and its plan, as far as they need no page. Pure. */
import type { ImportPlan } from './api'

/** Reads the text of a file; says in a word why it is none. */
export function readSnapshot(text: string): { snapshot: unknown; jobs: number } | { problem: 'no-json' | 'no-snapshot' } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'no-json' }
  }
  const { format, jobs } = (value ?? {}) as { format?: unknown; jobs?: unknown }
  if (format !== 'nomaflow-catalogue' || !Array.isArray(jobs)) return { problem: 'no-snapshot' }
  return { snapshot: value, jobs: jobs.length }
}

/** The snapshot with what its connectors are called here. */
export function mapped(snapshot: unknown, mapping: Record<string, string>): unknown {
  const chosen = Object.entries(mapping).filter(([from, to]) => to !== '' && to !== from)
  return chosen.length === 0 ? snapshot : { ...(snapshot as object), connector_mapping: Object.fromEntries(chosen) }
}

/** Whether applying the plan is possible and would change anything. */
export function isApplicable(plan: ImportPlan): boolean {
  return plan.invalid.length === 0 && plan.new.length + plan.changed.length + plan.removed.length > 0
}

/** A command line that works as it is, for the token that was made. */
export function tokenLines(server: string, secret: string): { curl: string; cli: string } {
  const base = server.replace(/\/$/, '')
  return { curl: `curl -H 'Authorization: Bearer ${secret}' ${base}/admin/jobs`, cli: `NOMAFLOW_TOKEN=${secret} nomaflow --server ${base} job list` }
}
