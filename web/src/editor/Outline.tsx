/** The sections with how many problems each has; each entry leads there. */
import css from './editor.module.css'
import { SECTIONS, sectionOf, type Finding } from './problems'
import { t } from './words'

export function Outline({ findings, isChecking, go }: { findings: Finding[]; isChecking: boolean; go: (pointer: string) => void }) {
  const errors = findings.filter((found) => found.severity === 'error')
  const open = (section: string, first: Finding | undefined) => {
    if (first) return go(first.pointer)
    const place = document.getElementById(`section-${section}`)
    place?.focus({ preventScroll: true })
    place?.scrollIntoView({ block: 'start' })
  }
  return (
    <nav className={css.outline} aria-label={t.outline}>
      <ol>
        {SECTIONS.map((section, i) => {
          const here = errors.filter((found) => sectionOf(found.pointer) === section)
          return (
            <li key={section}>
              <button type="button" data-section={section} onClick={() => open(section, here[0])}>
                <span className="muted" aria-hidden="true">{i + 1}</span> {t.sections[section]}
                {here.length > 0 && <span className={css.badCount} aria-label={t.problems(here.length)}>{here.length}</span>}
              </button>
            </li>
          )
        })}
      </ol>
      <p className="muted" role="status">{isChecking ? t.checking : errors.length > 0 ? t.problems(errors.length) : t.fine}</p>
    </nav>
  )
}
