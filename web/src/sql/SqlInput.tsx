/** A field for SQL: an editor that knows the database behind a connector, and a check that runs nothing. */
import { useMutation } from '@tanstack/react-query'
import { ShieldCheck } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { ActionButton } from '../ui/Button'
import { useLatest } from '../ui/hooks'
import { Checked } from './Checked'
import type { Named } from './complete'
import { checkQuery, columnsOf, tablesOf } from './requests'
import css from './sql.module.css'
import { offsetOf, wordAt } from './text'
import type { SqlView } from './view'
import { t } from './words'

interface Props {
  tie: { id?: string | undefined; 'aria-invalid'?: boolean | undefined; 'aria-describedby'?: string | undefined }
  label: string
  value: string
  onChange: (value: string) => void
  /** Empty while none is chosen. */
  connector: string
  /** Of the connector; empty where nobody knows it. */
  dialect: string
  /** The names of parameters that have a value; `null` where they come from elsewhere. */
  given: readonly string[] | null
  named: readonly Named[]
}

export function SqlInput({ tie, label, value, onChange, connector, dialect, given, named }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<SqlView | null>(null)
  // Texts that were typed and have not come back yet: who types fast is ahead of them.
  const sent = useRef<string[]>([])
  const [isOpen, setOpen] = useState(false)
  const [isPlain, setPlain] = useState(false)
  const isReachable = connector !== '' && !connector.includes('${')
  const check = useMutation({ mutationFn: (asked: { connector: string; text: string }) => checkQuery(asked.connector, asked.text) })
  const begin = () => {
    if (isReachable && !check.isPending) check.mutate({ connector, text: value })
  }
  const isInvalid = tie['aria-invalid'] === true
  // The message stands in the document, where nothing inside of the shadow root can point at.
  const [message, setMessage] = useState('')
  useEffect(() => {
    const texts = (tie['aria-describedby'] ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '')
    setMessage(isInvalid ? texts.join(' ').trim() : '')
  })
  const shown = { label, description: message || t.keys, isInvalid, dialect, given }
  const latest = useLatest({ value, shown, onChange, begin, connector, isReachable, dialect, named })

  useEffect(() => {
    let isGone = false
    import('./view').then(
      ({ openSql }) => {
        if (isGone || !host.current) return
        const now = () => latest.current
        view.current = openSql(host.current, now().value, now().shown, {
          onChange: (text) => {
            sent.current.push(text)
            now().onChange(text)
          },
          onCheck: () => now().begin(),
          tables: () => (now().isReachable ? tablesOf(now().connector) : Promise.resolve([])),
          columns: (table) => columnsOf(now().connector, table, now().dialect),
          queries: () => now().named,
        })
        setOpen(true)
      },
      () => setPlain(true),
    )
    return () => {
      isGone = true
      view.current?.destroy()
      view.current = null
    }
  }, [latest])
  useEffect(() => {
    const at = sent.current.lastIndexOf(value)
    sent.current.splice(0, at < 0 ? sent.current.length : at + 1)
    if (at < 0) view.current?.write(value)
  }, [value])
  useEffect(() => view.current?.show(shown))

  // An answer is about the text that was sent, and about no other.
  const isCurrent = check.variables?.text === value && check.variables.connector === connector
  const answer = isCurrent ? check.data : undefined
  useEffect(() => {
    const wrong = answer?.statements.filter((each) => each.verdict === 'wrong') ?? []
    // A named query has its text elsewhere.
    const places = named.some((each) => value === each.name || value === `${each.name}:write`) ? [] : wrong
    view.current?.mark(places.map(({ line, column }) => wordAt(value, offsetOf(value, line, column))))
  }, [answer, value, named])

  return (
    <div className={css.sql}>
      {isPlain ? (
        <textarea className={css.plain} rows={Math.max(3, Math.min(16, value.split('\n').length + 1))} spellCheck={false} {...tie} value={value} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <div ref={host} className={css.host} tabIndex={-1} data-code aria-busy={!isOpen || undefined} />
      )}
      <div className={css.row}>
        <ActionButton data-act="check-sql" icon={<ShieldCheck size={14} aria-hidden />} action={{ isPending: check.isPending, isSuccess: false, error: isCurrent ? check.error : null }} waiting={t.checking} disabled={!isReachable || value.trim() === ''} title={isReachable ? t.checkHint : t.noConnector} onClick={begin}>{t.check}</ActionButton>
        {answer && <Checked answer={answer} given={given} show={(line, column) => view.current?.goto(offsetOf(value, line, column))} />}
      </div>
    </div>
  )
}
