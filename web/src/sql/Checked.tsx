/** What a database made of a query that nobody ran. */
import type { QueryCheck, Statement } from './requests'
import css from './sql.module.css'
import { t } from './words'

/** Columns that are named one by one. */
const MOST_COLUMNS = 8

function said({ verdict, columns, message, hint }: Statement): string {
  if (verdict === 'unknown') return [t.unknown, message].filter(Boolean).join(': ')
  if (verdict === 'wrong') return [message, hint].filter(Boolean).join('. ')
  if (columns.length === 0) return t.sound
  const names = columns.slice(0, MOST_COLUMNS).map((column) => column.name).join(', ')
  return t.returns(columns.length > MOST_COLUMNS ? `${names}, ${t.more(columns.length - MOST_COLUMNS)}` : names)
}

const SHAPES = { sound: '✓', wrong: '✕', unknown: '?' }

export function Checked({ answer, given, show }: { answer: QueryCheck; given: readonly string[] | null; show: (line: number, column: number) => void }) {
  const wrong = answer.statements.filter((each) => each.verdict === 'wrong').length
  const count = answer.statements.length
  return (
    <div role="status" className={css.answer} data-checked={wrong === 0 ? 'ok' : 'wrong'}>
      <p className={wrong > 0 ? css.bad : 'muted'}>{count === 0 ? t.empty : wrong > 0 ? t.wrong(wrong) : t.fine(count)}</p>
      <ul>
        {answer.statements.map((each, i) => {
          const missing = given === null ? [] : each.params.filter((name) => !given.includes(name))
          return (
            <li key={i} data-verdict={each.verdict}>
              <span aria-hidden="true" className={css[each.verdict]}>{SHAPES[each.verdict]}</span>
              <button type="button" title={t.lineOf(each.line, each.column)} onClick={() => show(each.line, each.column)}><code>{each.line}:{each.column}</code></button>
              <span className={each.verdict === 'wrong' ? css.bad : undefined}><code>{each.keyword}</code> {said(each)}{missing.length > 0 && <span className={css.soft}> {t.noValue(missing.map((name) => `:${name}`).join(', '))}</span>}</span>
            </li>
          )
        })}
      </ul>
    </div>
  )
}
