/** The sheet under `?`: every single-key shortcut that works at the moment. */
import { useState } from 'react'
import { Dialog } from '../ui/Dialog'
import { usePreference } from '../ui/hooks'
import css from './shell.module.css'
import { shortcuts } from './shortcuts'
import { t } from './words'

export function KeySheet({ close }: { close: () => void }) {
  const [list] = useState(shortcuts)
  const [on] = usePreference('shortcuts')
  return (
    <Dialog title={t.keys} close={close} size="small">
      <p className="muted">{on === 'on' ? t.keysHint : t.keysNone}</p>
      <dl className={css.keys}>
        {[{ keys: 'Ctrl K', words: t.openPalette }, ...list].map((each) => (
          <div key={each.keys}>
            <dt>{each.keys.split(' ').map((key) => <kbd key={key}>{key}</kbd>)}</dt>
            <dd>{each.words}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  )
}
