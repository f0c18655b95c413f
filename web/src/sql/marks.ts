/** What is drawn over the text: parameters that are bound, those nobody gives a value, templates, and mistakes. */
import { syntaxTree } from '@codemirror/language'
import { Facet, RangeSetBuilder, StateEffect, StateField, type Extension } from '@codemirror/state'
import { Decoration, EditorView, ViewPlugin, type DecorationSet, type ViewUpdate } from '@codemirror/view'
import { PARAM, TEMPLATE } from './text'

/** The names that have a value here; `null` where nobody knows. */
export const given = Facet.define<readonly string[] | null, readonly string[] | null>({ combine: (all) => all[0] ?? null })

const bound = Decoration.mark({ class: 'cm-param' })
const unbound = Decoration.mark({ class: 'cm-param cm-unbound' })
const template = Decoration.mark({ class: 'cm-template' })

const isCode = (view: EditorView, at: number): boolean => !/String|Comment|QuotedIdentifier/.test(syntaxTree(view.state).resolveInner(at, 1).name)

function drawn(view: EditorView): DecorationSet {
  const names = view.state.facet(given)
  const marks = new RangeSetBuilder<Decoration>()
  for (const { from, to } of view.visibleRanges) {
    const text = view.state.sliceDoc(from, to)
    const params = [...text.matchAll(PARAM)].filter((found) => isCode(view, from + found.index)).map((found) => ({ found, mark: names === null || names.includes(found[1]!) ? bound : unbound }))
    // A template is filled in wherever it stands.
    const templates = [...text.matchAll(TEMPLATE)].map((found) => ({ found, mark: template }))
    for (const { found, mark } of [...params, ...templates].sort((a, b) => a.found.index - b.found.index)) marks.add(from + found.index, from + found.index + found[0].length, mark)
  }
  return marks.finish()
}

const values = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = drawn(view)
    }
    update(update: ViewUpdate) {
      const isOther = update.startState.facet(given) !== update.state.facet(given) || syntaxTree(update.startState) !== syntaxTree(update.state)
      if (update.docChanged || update.viewportChanged || isOther) this.decorations = drawn(update.view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

export interface Place {
  from: number
  to: number
}

export const setMistakes = StateEffect.define<readonly Place[]>()
const wrong = Decoration.mark({ class: 'cm-wrong' })

const mistakes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    const set = transaction.effects.find((effect) => effect.is(setMistakes))
    if (!set) return marks.map(transaction.changes)
    const places = (set.value as readonly Place[]).filter(({ from, to }) => from < to && to <= transaction.state.doc.length)
    return Decoration.set(places.map(({ from, to }) => wrong.range(from, to)), true)
  },
  provide: (field) => EditorView.decorations.from(field),
})

export const marks: Extension = [values, mistakes]
