/** The page under `/plugins`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function PluginsPage() {
  useTitle(t.plugins)
  return <Page head={<h1>{t.plugins}</h1>}>{null}</Page>
}
