/** The page under `/alerts`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function AlertsPage() {
  useTitle(t.alerts)
  return <Page head={<h1>{t.alerts}</h1>}>{null}</Page>
}
