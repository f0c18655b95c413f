/** The page under `/schedule`. */
import { t } from '../app/words'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function SchedulePage() {
  useTitle(t.schedule)
  return <Page head={<h1>{t.schedule}</h1>}>{null}</Page>
}
