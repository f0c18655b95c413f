/**
 * The SQL editor proper: a chunk of its own, fetched when a field for SQL is first shown. It lives in a shadow root,
 * because there the library adopts a style sheet it makes as an object, which the content security policy allows; in the
 * document it would write a `<style>`.
 */
import { autocompletion, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { MSSQL, MySQL, PLSQL, PostgreSQL, SQLite, StandardSQL, type SQLDialect } from '@codemirror/lang-sql'
import { bracketMatching } from '@codemirror/language'
import { Compartment, EditorState, Prec, type Extension } from '@codemirror/state'
import { EditorView, keymap, lineNumbers } from '@codemirror/view'
import { completions, type Names } from './complete'
import { given, marks, setMistakes, type Place } from './marks'
import { theme } from './theme'

const DIALECTS: Record<string, SQLDialect | undefined> = { sqlite: SQLite, postgres: PostgreSQL, mysql: MySQL, sqlserver: MSSQL, oracle: PLSQL }

/** Options shown at once: so many fit, and nothing scrolls that the keyboard cannot reach. The others follow the selection. */
const MOST_OPTIONS = 9

/** What may change while it is shown. */
export interface Shown {
  label: string
  /** What is wrong with the field, or how it is used. */
  description: string
  isInvalid: boolean
  dialect: string
  given: readonly string[] | null
}

export interface Callbacks extends Names {
  onChange: (text: string) => void
  onCheck: () => void
}

export interface SqlView {
  /** Takes a text from outside; the same one changes nothing. */
  write: (text: string) => void
  show: (shown: Shown) => void
  mark: (places: readonly Place[]) => void
  /** Puts the cursor somewhere. */
  goto: (at: number) => void
  destroy: () => void
}

function extensionsOf(shown: Shown, callbacks: Callbacks): Extension {
  const dialect = DIALECTS[shown.dialect] ?? StandardSQL
  return [
    dialect.language,
    autocompletion({ override: completions(dialect, callbacks), icons: false, maxRenderedOptions: MOST_OPTIONS }),
    given.of(shown.given),
    EditorView.contentAttributes.of({ 'aria-label': shown.label, 'aria-description': shown.description, ...(shown.isInvalid ? { 'aria-invalid': 'true' } : {}) }),
    EditorView.editorAttributes.of({ class: shown.isInvalid ? 'cm-invalid' : '' }),
  ]
}

/**
 * A text over a selection: browsers would keep the looks of what it replaces in a `style` of their own, which the policy
 * refuses, and reports.
 */
function overSelection(event: InputEvent, view: EditorView): boolean {
  const isPlain = event.inputType === 'insertText' && event.data !== null && !event.isComposing && !view.composing
  if (!isPlain || view.state.selection.ranges.every((range) => range.empty)) return false
  event.preventDefault()
  view.dispatch(view.state.replaceSelection(event.data!), { userEvent: 'input.type', scrollIntoView: true })
  return true
}

export function openSql(host: HTMLElement, text: string, shown: Shown, callbacks: Callbacks): SqlView {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
  const changing = new Compartment()
  let isWriting = false
  const check = Prec.highest(keymap.of([{ key: 'Mod-Enter', run: () => (callbacks.onCheck(), true) }]))
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        check,
        lineNumbers(),
        history(),
        bracketMatching(),
        EditorView.lineWrapping,
        keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap]),
        changing.of(extensionsOf(shown, callbacks)),
        marks,
        theme,
        EditorView.domEventHandlers({ beforeinput: overSelection }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !isWriting) callbacks.onChange(update.state.doc.toString())
        }),
      ],
    }),
  })
  // Whoever leads to a field gives the focus to its host.
  const take = () => {
    if (!view.hasFocus) view.focus()
  }
  host.addEventListener('focus', take)
  if (document.activeElement === host) take()
  let before = shown
  return {
    write(next) {
      if (next === view.state.doc.toString()) return
      isWriting = true
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } })
      isWriting = false
    },
    show(next) {
      const isSame = next.label === before.label && next.description === before.description && next.isInvalid === before.isInvalid && next.dialect === before.dialect && next.given?.join() === before.given?.join()
      if (isSame) return
      before = next
      view.dispatch({ effects: changing.reconfigure(extensionsOf(next, callbacks)) })
    },
    mark(places) {
      view.dispatch({ effects: setMistakes.of(places) })
    },
    goto(at) {
      view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, scrollIntoView: true })
      view.focus()
    },
    destroy() {
      host.removeEventListener('focus', take)
      view.destroy()
    },
  }
}
