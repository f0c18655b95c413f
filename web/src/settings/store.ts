/** What the server tells of its store: tables and their growth, what a shorter history would remove, what to save. */
import { queryOptions } from '@tanstack/react-query'
import { http, queryString } from '../api/http'

export interface TableSize {
  name: string
  rows: number
  bytes: number | null
  rows_per_day: number | null
  bytes_per_day: number | null
}

export interface StoreSizes {
  dialect: string
  bytes: number
  bytes_per_day: number
  tables: TableSize[]
  pools: { name: string; size: number; open: number; idle: number; waiting: number }[]
}

export interface Estimate {
  history_days: number
  cutoff: string
  run_rows: number
  step_rows: number
  log_rows: number
  slot_rows: number
}

export interface BackupState {
  things: { what: string; place: string; reachable: boolean; detail: string }[]
  last_backup_at: string | null
  last_backup_by: string | null
  last_export_at: string | null
  last_export_by: string | null
}

export const MOST_DAYS = 3_650

/** The number of days somebody typed, or nothing that makes sense. */
export function daysOf(text: string): number | null {
  const days = Number(text.trim())
  return /^\d+$/.test(text.trim()) && days >= 1 && days <= MOST_DAYS ? days : null
}

/** A backup older than this deserves a word: two nights. */
const OLD_MS = 48 * 3_600_000

export function isOld(at: string, now: number): boolean {
  return now - Date.parse(at) > OLD_MS
}

export const store = {
  estimate: (days: number) => http.get<Estimate>(`admin/jobs/retention/estimate${queryString({ history_days: days })}`),
}

export const storeQueries = {
  sizes: () => queryOptions({ queryKey: ['store', 'sizes'], queryFn: ({ signal }) => http.get<StoreSizes>('admin/store', signal), staleTime: 60_000 }),
  backup: () => queryOptions({ queryKey: ['store', 'backup'], queryFn: ({ signal }) => http.get<BackupState>('admin/backup', signal) }),
}
