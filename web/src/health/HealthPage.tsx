/** The page under `/health`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function HealthPage() {
  useTitle(t.health)
  return <Page head={<h1>{t.health}</h1>}>{null}</Page>
}
