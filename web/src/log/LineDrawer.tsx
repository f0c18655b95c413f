/** One line in full, however long; JSON in it set out legibly. */
import { useQuery } from '@tanstack/react-query'
import type { LogLine } from '../api/types'
import { CopyButton } from '../ui/Copy'
import { Dialog } from '../ui/Dialog'
import { Json, Tag } from '../ui/parts'
import { At } from '../ui/Times'
import { plain } from './ansi'
import { jsonIn } from './json'
import { t } from './words'

export function LineDrawer({ line, read, close }: { line: number; read: (from: number, to: number) => Promise<LogLine[]>; close: () => void }) {
  const { data } = useQuery({ queryKey: ['draft', 'line', line], queryFn: async () => (await read(line, line))[0] ?? null, gcTime: 0 })
  const message = data ? plain(data.message) : ''
  const json = jsonIn(message)
  return (
    <Dialog title={t.lineTitle(line)} size="wide" close={close} foot={<CopyButton text={message} />}>
      {data && <p className="muted"><At at={data.at} /> <Tag>{data.level}</Tag> {data.step && <span className="mono">{data.step}</span>}</p>}
      {json !== undefined && <><h3>{t.pretty}</h3><Json value={json} /><h3>{t.raw}</h3></>}
      <Json value={message} />
    </Dialog>
  )
}
