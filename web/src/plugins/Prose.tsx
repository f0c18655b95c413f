/** What an author wrote, as text: paragraphs and `code`, nothing else of Markdown, and never as markup. */
import { Fragment } from 'react'

export function Prose({ text }: { text: string }) {
  return (
    <>
      {text.trim().split(/\n\s*\n/).map((paragraph, i) => (
        <p key={i}>{paragraph.split('`').map((part, n) => (n % 2 === 1 ? <code key={n}>{part}</code> : <Fragment key={n}>{part}</Fragment>))}</p>
      ))}
    </>
  )
}
