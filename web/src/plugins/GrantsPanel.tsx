/** What a component asks for beside what it was granted, in plain words, and the limits of its calls. */
import { number } from '../i18n'
import { Panel } from '../ui/parts'
import { Glyph } from '../ui/Status'
import type { StepStatus } from '../api/types'
import ui from '../ui/ui.module.css'
import { grantLines, limits, type Limit, type Verdict } from './grants'
import type { Plugin } from './plugins'
import css from './plugins.module.css'
import { t } from './words'

const SHAPES: Record<Verdict, StepStatus> = { granted: 'SUCCEEDED', denied: 'FAILED', unused: 'QUEUED', none: 'PENDING', untold: 'PENDING' }
const UNITS: Record<string, string> = { memory_mb: 'MB', wall_seconds: 's', cpu_seconds: 's', output_bytes: t.bytes, response_bytes: t.bytes, stack_kb: 'KB' }

export function GrantsPanel({ plugin }: { plugin: Plugin }) {
  const { grants } = plugin
  return (
    <Panel title={t.grants}>
      <p className={css.lead}>{t.grantsLead}{grants.file === null && <> {t.noFile}</>}</p>
      <table className={`${ui.table} ${ui.stacks}`} aria-label={t.grants}>
        <thead><tr><th scope="col">{t.area}</th><th scope="col">{t.asks}</th><th scope="col">{t.granted}</th></tr></thead>
        <tbody>
          {grantLines(grants).map((line) => (
            <tr key={line.area} data-area={line.area} data-verdict={line.verdict}>
              <td>{t.areas[line.area]}</td>
              <td className={line.verdict === 'none' || line.verdict === 'untold' ? 'muted' : undefined}><span className={css.verdict}><Glyph status={SHAPES[line.verdict]} /><span>{t.verdicts[line.verdict]}</span></span></td>
              <td className={ui.break}>{line.granted.length > 0 && <ul>{line.granted.map((each) => <li key={each}>{each}</li>)}</ul>}{line.missing && <>{t.toGrant} <code>{line.missing}</code></>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={`muted ${css.lead}`}>{t.sockets}</p>
      <h3 className={css.sub}>{t.limits}</h3>
      <dl className={ui.facts}>
        {limits(grants).map((limit) => (
          <div key={limit.name}><dt>{t.limitNames[limit.name] ?? limit.name}</dt><dd>{valueOf(limit)}{!limit.isSet && <span className="muted"> {t.usual}</span>}</dd></div>
        ))}
      </dl>
      {grants.file !== null && <details className={css.file}><summary>{t.grantsFile}</summary><pre className={ui.json} tabIndex={0}>{JSON.stringify(grants.file, null, 2)}</pre></details>}
    </Panel>
  )
}

function valueOf({ name, value }: Limit): string {
  if (value === null) return name === 'wall_seconds' ? t.stepLimit : t.unlimited
  return `${number(value)}${UNITS[name] ? ` ${UNITS[name]}` : ''}`
}
