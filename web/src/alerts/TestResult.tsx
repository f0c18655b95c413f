/** What the provider said to a test, word for word, how long it took, and a trace to pass on. */
import { Link } from '@tanstack/react-router'
import { CopyButton } from '../ui/Copy'
import type { TestAnswer } from './api'
import css from './alerts.module.css'
import { Outcome } from './Outcome'
import { t } from './words'

export function TestResult({ result }: { result: TestAnswer }) {
  return (
    <div className={css.result} role="status" data-test={result.ok ? 'ok' : 'failed'}>
      <p>
        <Outcome outcome={result.ok ? 'SENT' : 'FAILED'} words={result.ok ? t.testOk(result.ms) : t.testFailed(result.ms)} />
        {result.delivery && <> <Link to="/alerts/$tab" params={{ tab: 'deliveries' }} search={{ delivery: result.delivery }}>{t.openDelivery} {result.delivery}</Link></>}
      </p>
      <p><span className="muted">{t.answer}</span> <code>{result.answer}</code></p>
      <ol className={css.trace}>{result.trace.map((line, i) => <li key={i}><code>{line}</code></li>)}</ol>
      <div><CopyButton text={() => [...result.trace, result.answer].join('\n')} label={t.trace} /></div>
    </div>
  )
}
