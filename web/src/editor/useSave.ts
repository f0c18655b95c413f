/**
 * Saving over the revision that was read. What was refused comes back as findings at their fields, a save by somebody
 * else as a meeting of two versions. Nothing that was typed is dropped by any answer.
 */
import { useMutation } from '@tanstack/react-query'
import { ApiError } from '../api/http'
import { queryClient } from '../api/queries'
import type { Saved } from '../api/types'
import type { Meeting } from './Conflict'
import type { Change, Draft } from './model'
import type { Finding } from './problems'
import { create, editing, readSource, replace, type Content, type JobSource } from './requests'

export type Mode = 'form' | 'text'

interface Options {
  /** Null for a job that is new. */
  id: string | null
  app: string
  mode: Mode
  change: (change: Change) => void
  refused: (findings: Finding[]) => void
  met: (meeting: Meeting) => void
  created: (saved: Saved) => void
}

/** A problem that the server tells without a place. */
export function problemAt(pointer: string, code: string, message: string): Finding {
  return { pointer, line: 0, column: 0, length: 0, severity: 'error', code, message, allowed: [], hint: null }
}

export function useSave({ id, app, mode, change, refused, met, created }: Options) {
  return useMutation({
    mutationFn: async ({ draft, etag = draft.etag }: { draft: Draft; etag?: string | null }): Promise<Saved> => {
      const content: Content = mode === 'text' ? { text: draft.text } : { job: draft.job }
      if (id === null) return create(app, content)
      const saved = await replace(id, content, etag ?? '')
      const source = await readSource(id)
      queryClient.setQueryData<JobSource>(editing.source(id).queryKey, source)
      change({ do: 'saved', job: source.job, etag: source.etag ?? saved.etag, text: source.whole, sent: draft.job, sentText: draft.text })
      return saved
    },
    onSuccess: (saved) => {
      refused(saved.warnings as unknown as Finding[])
      for (const key of ['job', 'source', 'versions']) void queryClient.invalidateQueries({ queryKey: [key, saved.id] })
      void queryClient.invalidateQueries({ queryKey: ['jobs'] })
      if (id === null) created(saved)
    },
    onError: (error) => {
      if (!(error instanceof ApiError)) return
      if (error.is('stale')) met({ current: error.problem.current as JobSource, by: (error.problem.by as string | null) ?? null })
      else if (error.is('duplicate-job-id')) refused([problemAt('/id', 'duplicate-job-id', error.message)])
      else if (error.is('job-invalid')) refused((error.problem.problems ?? []) as unknown as Finding[])
    },
  })
}

/** Whether a refusal is shown somewhere better than beside the button. */
export function isShown(error: unknown): boolean {
  return error instanceof ApiError && (error.is('stale') || error.is('duplicate-job-id') || error.is('job-invalid'))
}

