/** The page under `/settings`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function SettingsPage() {
  useTitle(t.settings)
  return <Page head={<h1>{t.settings}</h1>}>{null}</Page>
}
