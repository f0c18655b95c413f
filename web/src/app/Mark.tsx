/** The mark of the product. */
import css from './shell.module.css'

export function Mark() {
  return (
    <svg width="18" height="18" viewBox="0 0 32 32" aria-hidden="true" className={css.mark}>
      <rect width="32" height="32" rx="7" />
      <path d="M5 17h5l3-9 6 16 3-7h5" />
    </svg>
  )
}
