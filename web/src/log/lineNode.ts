/** The nodes of one row and how they are written: text goes in through `textContent` only, and only where it differs. No React. */
import type { LogLine } from '../api/types'
import { pieces } from './ansi'
import { stepText } from './heights'
import { cut } from './text'

export interface LineNode {
  root: HTMLDivElement
  number: HTMLSpanElement
  time: HTMLSpanElement
  level: HTMLSpanElement
  step: HTMLSpanElement
  text: HTMLSpanElement
}

export function makeNode(box: HTMLElement): LineNode {
  const root = document.createElement('div')
  root.className = 'log-line'
  const cell = (name: string) => {
    const span = document.createElement('span')
    span.className = name
    root.append(span)
    return span
  }
  const node = { root, number: cell('log-number'), time: cell('log-time'), level: cell('log-level'), step: cell('log-step'), text: cell('log-text') }
  box.append(root)
  return node
}

export function writeRuler(node: LineNode, ruler: number, folded: boolean, words: string): void {
  node.root.className = 'log-ruler'
  node.root.dataset.ruler = String(ruler)
  node.root.dataset.level = ''
  setHeight(node.root, '')
  delete node.number.dataset.line
  for (const cell of [node.time, node.level, node.step]) set(cell, '')
  set(node.number, folded ? '▸' : '▾')
  node.text.textContent = words
}

export interface Written {
  /** From 0. */
  number: number
  /** Undefined while it is not here. */
  line: LogLine | undefined
  time: string
  isSelected: boolean
  isHit: boolean
  /** Of a wrapped line, in pixels; 0: one row. */
  height: number
}

export function writeLine(node: LineNode, { number, line, time, isSelected, isHit, height }: Written): void {
  node.root.className = 'log-line'
  set(node.number, String(number + 1))
  node.number.dataset.line = String(number)
  node.root.classList.toggle('log-selected', isSelected)
  node.root.classList.toggle('log-hit', isHit)
  node.root.dataset.level = line?.level ?? ''
  setHeight(node.root, height > 0 ? `${height}px` : '')
  set(node.time, time)
  set(node.level, line?.level ?? '')
  set(node.step, line ? stepText(line) : '')
  writeText(node.text, line?.message ?? '…')
}

function writeText(target: HTMLSpanElement, message: string): void {
  const { text, more } = cut(message)
  const parts = pieces(text)
  if (more !== '') parts.push({ text: more, classes: 'log-more' })
  if (parts.length === 1 && parts[0]!.classes === '' && !parts[0]!.href) {
    if (target.textContent !== text || target.childElementCount > 0) target.textContent = text
    return
  }
  target.replaceChildren(...parts.map((part) => {
    const node = document.createElement(part.href ? 'a' : 'span')
    node.className = part.classes
    node.textContent = part.text
    if (node instanceof HTMLAnchorElement) {
      node.href = part.href!
      node.target = '_blank'
      node.rel = 'noopener noreferrer'
      node.tabIndex = -1
    }
    return node
  }))
}

function setHeight(node: HTMLElement, height: string): void {
  if (node.style.minHeight !== height) node.style.minHeight = height
}

/** Writes a text where it differs: most of a frame is the same as the one before. */
export function set(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text
}
