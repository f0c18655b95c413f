/** How the SQL editor looks: the tokens of the page, which reach into a shadow root, and colours that are read on both grounds. */
import { HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import type { Extension } from '@codemirror/state'
import { EditorView } from '@codemirror/view'
import { tags } from '@lezer/highlight'

const words = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--succeeded)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--canceled)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

const look = EditorView.theme({
  '&': { color: 'var(--text)', backgroundColor: 'var(--log-bg)', border: '1px solid var(--control-line)', borderRadius: 'var(--radius)', fontSize: '12px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '2px' },
  '&.cm-invalid': { borderColor: 'var(--failed)', outlineColor: 'var(--failed)' },
  '.cm-scroller': { fontFamily: 'var(--code)', lineHeight: '18px', minHeight: '74px', maxHeight: '320px', overflow: 'auto' },
  '.cm-content': { padding: '6px 0', caretColor: 'var(--text)' },
  '.cm-line': { padding: '0 8px' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--muted)', border: '0' },
  '.cm-activeLineGutter': { backgroundColor: 'transparent' },
  '.cm-param': { color: 'var(--queued)', fontWeight: '600' },
  '.cm-unbound': { textDecoration: 'underline wavy var(--failed)' },
  '.cm-template': { backgroundColor: 'var(--surface-2)', borderRadius: '3px' },
  '.cm-wrong': { backgroundColor: 'var(--failed-bg)', textDecoration: 'underline wavy var(--failed)' },
  '&.cm-focused .cm-matchingBracket, .cm-matchingBracket': { backgroundColor: 'var(--surface-2)', outline: '1px solid var(--control-line)' },
  '.cm-nonmatchingBracket': { color: 'var(--failed)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', color: 'var(--text)', border: '1px solid var(--control-line)', borderRadius: 'var(--radius)' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--code)', maxHeight: 'none', overflow: 'hidden' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', lineHeight: '18px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { color: 'var(--muted)', fontStyle: 'normal' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
  '.cm-completionInfo': { padding: '6px 10px', whiteSpace: 'pre-wrap', fontFamily: 'var(--code)', maxHeight: '160px', overflow: 'auto' },
})

export const theme: Extension = [look, syntaxHighlighting(words)]
