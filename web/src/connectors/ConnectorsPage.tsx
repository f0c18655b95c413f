/** The page under `/connectors`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function ConnectorsPage() {
  useTitle(t.connectors)
  return <Page head={<h1>{t.connectors}</h1>}>{null}</Page>
}
