/** What every field of the editor needs: the job, how to change it, what was found about it. */
import { createContext, useContext } from 'react'
import type { Table } from './pointer'
import type { Finding } from './problems'

export interface Editing {
  job: Table
  findings: Finding[]
  set: (pointer: string, value: unknown) => void
}

export const EditingContext = createContext<Editing | null>(null)

export function useEditing(): Editing {
  const editing = useContext(EditingContext)
  if (!editing) throw new Error('a field stands outside the editor')
  return editing
}
