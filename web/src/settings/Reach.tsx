/** What permissions open, in a small table: before somebody is given them. */
import { ACTIONS, reach } from './access'
import css from './settings.module.css'
import { t } from './words'

export function Reach({ permissions }: { permissions: string[] }) {
  const found = reach(permissions)
  return (
    <table className={css.reach}>
      <caption>{t.opens}</caption>
      <tbody>
        {ACTIONS.map((action) => <tr key={action} data-reach={found[action]}><th scope="row">{t.reachOf[action]}</th><td>{action === 'see' || action === 'run' || action === 'edit' || found[action] === 'none' ? t.reaches[found[action]] : '✓'}</td></tr>)}
      </tbody>
    </table>
  )
}
