/** Copies an action as a command line or an HTTP request, and says so; where the clipboard is withheld it shows the text. */
import { Globe, SquareTerminal } from 'lucide-react'
import { useState } from 'react'
import { t } from '../app/words'
import { ByHand, copyText } from './Copy'
import { Dialog } from './Dialog'
import { Menu, type MenuItem } from './Menu'

/** The two menu items and the layer they may need, to be drawn beside the menu. */
export function useCopyAs(commandText: () => string | null, requestText: () => string): { items: MenuItem[]; layer: React.ReactNode } {
  const [byHand, setByHand] = useState<{ title: string; text: string } | null>(null)
  const [said, setSaid] = useState('')
  const copy = async (title: string, done: string, text: string) => {
    if (await copyText(text)) {
      setSaid(done)
      setTimeout(() => setSaid(''), 2500)
    } else setByHand({ title, text })
  }
  const command = commandText()
  const items: MenuItem[] = [
    ...(command === null ? [] : [{ label: t.copyCli, icon: <SquareTerminal size={15} />, act: () => void copy(t.copyCli, t.copiedCli, command) }]),
    { label: t.copyHttp, icon: <Globe size={15} />, act: () => void copy(t.copyHttp, t.copiedHttp, requestText()) },
  ]
  const layer = (
    <>
      {said && <span role="status" className="muted">{said}</span>}
      {byHand && <Dialog title={byHand.title} close={() => setByHand(null)}><ByHand text={byHand.text} close={() => setByHand(null)} /></Dialog>}
    </>
  )
  return { items, layer }
}

/** A menu of nothing but the two copies, for an action whose button stands elsewhere. */
export function CopyAsMenu({ label, command, request }: { label: string; command: () => string | null; request: () => string }) {
  const { items, layer } = useCopyAs(command, request)
  return <>{layer}<Menu label={label} items={items} /></>
}
