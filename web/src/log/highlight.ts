/** Marks matches in text on screen by the browser's own highlights, without touching the document. No React. */

interface HighlightRegistry {
  set(name: string, highlight: unknown): void
  delete(name: string): void
}

const NAME = 'log-search'

export class Highlighter {
  private pattern: RegExp | null = null

  set(query: string, options: { regex: boolean; case: boolean }): void {
    try {
      const source = options.regex ? query : query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      this.pattern = query === '' ? null : new RegExp(source, options.case ? 'g' : 'gi')
    } catch {
      this.pattern = null
    }
  }

  clear(): void {
    this.registry()?.delete(NAME)
  }

  mark(nodes: HTMLElement[]): void {
    const registry = this.registry()
    if (!registry) return
    if (!this.pattern) {
      registry.delete(NAME)
      return
    }
    const ranges: Range[] = []
    for (const node of nodes) {
      const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
      for (let text = walker.nextNode(); text; text = walker.nextNode()) {
        for (const match of text.textContent!.matchAll(this.pattern)) {
          if (match[0] === '') continue
          const range = new Range()
          range.setStart(text, match.index)
          range.setEnd(text, match.index + match[0].length)
          ranges.push(range)
        }
      }
    }
    const Highlight = (globalThis as unknown as { Highlight: new (...ranges: Range[]) => unknown }).Highlight
    registry.set(NAME, new Highlight(...ranges))
  }

  private registry(): HighlightRegistry | undefined {
    return (CSS as unknown as { highlights?: HighlightRegistry }).highlights
  }
}
