/** The Rust crates in the program, as a test of the repository writes them down. */
import { DataTable } from '../ui/DataTable'
import crates from './crates.json'
import { t } from './words'

interface Crate {
  name: string
  version: string
  licence: string
}

const ROWS: Crate[] = crates.map(([name = '', version = '', licence = '']) => ({ name, version, licence }))

export function CrateTable() {
  return (
    <DataTable
      label={t.crates}
      rows={ROWS}
      rowKey={(row) => `${row.name} ${row.version}`}
      columns={[
        { id: 'name', head: t.name, cell: (row) => row.name },
        { id: 'version', head: t.version, cell: (row) => row.version },
        { id: 'licence', head: t.licence, cell: (row) => row.licence },
      ]}
    />
  )
}
