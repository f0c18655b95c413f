/** A change of the saved job from a page that shows it: read, changed, saved under the revision that was read. */
import { useMutation } from '@tanstack/react-query'
import { queryClient } from '../api/queries'
import { readSource, replace } from '../editor/requests'
import type { Table } from '../editor/pointer'

/** Only what `change` gives back is saved; somebody else's save in between is a refusal that says so. */
export function useJobChange(id: string, onSuccess: () => void = () => {}) {
  return useMutation({
    mutationFn: async (change: (job: Table) => Table) => {
      const source = await readSource(id)
      await replace(id, { job: change(source.job) }, source.etag ?? '')
      await Promise.all(['job', 'source', 'versions'].map((key) => queryClient.invalidateQueries({ queryKey: [key, id] })))
      void queryClient.invalidateQueries({ queryKey: ['jobs'] })
    },
    onSuccess,
  })
}
