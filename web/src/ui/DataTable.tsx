/** A table of like things: two lines each on a narrow screen, and headers that sort where a column says how. */
import { ArrowDown, ArrowUp } from 'lucide-react'
import type { ReactNode } from 'react'
import { Single } from './Times'
import css from './ui.module.css'
import { t } from './words'

export interface Column<T> {
  id: string
  head: ReactNode
  cell: (row: T) => ReactNode
  /** Right-aligned figures. */
  number?: boolean
  /** Begins a line of its own on a narrow screen. */
  breaks?: boolean
  /** Said before the value on a narrow screen, where there is no header. */
  label?: string
  sortable?: boolean
}

export interface Sort {
  by: string
  down: boolean
}

interface Props<T> {
  columns: Column<T>[]
  rows: T[]
  rowKey: (row: T) => string
  /** Names the table for those who cannot see it. */
  label: string
  sort?: Sort
  onSort?: (sort: Sort) => void
  rowProps?: (row: T) => Record<string, unknown>
}

export function DataTable<T>({ columns, rows, rowKey, label, sort, onSort, rowProps }: Props<T>) {
  return (
    <table className={`${css.table} ${css.stacks}`} aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.id} scope="col" className={column.number ? css.number : undefined} aria-sort={sort?.by === column.id ? (sort.down ? 'descending' : 'ascending') : undefined}>
              {column.sortable && onSort ? (
                <button type="button" className={css.sort} title={t.sortBy(String(column.head))} onClick={() => onSort({ by: column.id, down: sort?.by === column.id ? !sort.down : false })}>
                  {column.head}
                  {sort?.by === column.id && (sort.down ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden />)}
                </button>
              ) : column.head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <Single value={false}>
        {rows.map((row) => (
          <tr key={rowKey(row)} {...rowProps?.(row)}>
            {columns.map((column) => (
              <td key={column.id} className={[column.number && css.number, column.breaks && css.break].filter(Boolean).join(' ') || undefined} data-label={column.label}>{column.cell(row)}</td>
            ))}
          </tr>
        ))}
        </Single>
      </tbody>
    </table>
  )
}
