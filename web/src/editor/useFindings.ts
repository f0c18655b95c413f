/**
 * What the server finds about the job while it is being typed. The server is the only judge; it is asked when the typing
 * rests for a moment, the newest question wins, and an answer about an older order of steps is moved to the present one.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { moved, type Finding } from './problems'
import { validate, type Content } from './requests'

const REST_MS = 400

interface Answer {
  findings: Finding[]
  keys: number[]
}

export interface Findings {
  findings: Finding[]
  isChecking: boolean
  error: unknown
  /** Shows what a refused save said. */
  put: (findings: Finding[]) => void
}

export function useFindings(content: Content, keys: number[], about: { app?: string | undefined; replaces?: string | undefined }, asks: boolean): Findings {
  const [answer, setAnswer] = useState<Answer>({ findings: [], keys })
  const [isChecking, setChecking] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const now = useRef(keys)
  now.current = keys
  const subject = 'job' in content ? content.job : content.text
  useEffect(() => {
    if (!asks) return
    const asked = new AbortController()
    setChecking(true)
    const timer = setTimeout(() => {
      const then = now.current
      validate(typeof subject === 'string' ? { text: subject } : { job: subject }, { app: about.app, replaces: about.replaces }, asked.signal)
        .then(({ problems }) => {
          setAnswer({ findings: problems, keys: then })
          setError(null)
        })
        .catch((failure: unknown) => {
          if (!asked.signal.aborted) setError(failure)
        })
        .finally(() => {
          if (!asked.signal.aborted) setChecking(false)
        })
    }, REST_MS)
    return () => {
      clearTimeout(timer)
      asked.abort()
    }
  }, [subject, about.app, about.replaces, asks])
  const findings = useMemo(() => moved(answer.findings, answer.keys, keys), [answer, keys])
  const put = useCallback((found: Finding[]) => setAnswer({ findings: found, keys: now.current }), [])
  return { findings, isChecking, error, put }
}
