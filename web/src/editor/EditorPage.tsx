/** The job editor, under `/jobs/new` and `/jobs/<id>/edit`. */
import { useParams } from '@tanstack/react-router'
import { useTitle } from '../ui/hooks'
import { Page } from '../ui/parts'

export function EditorPage() {
  const { id = '' } = useParams({ strict: false })
  useTitle(id)
  return <Page head={<h1 className="mono">{id}</h1>}>{null}</Page>
}
