/** The accounts: who they are, where they come from, what they may do, when they last came. */
import { useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { queries } from '../api/queries'
import { Button } from '../ui/Button'
import { DataTable, type Column } from '../ui/DataTable'
import { Skeleton, Tag } from '../ui/parts'
import { ProblemPanel } from '../ui/Problem'
import { Ago } from '../ui/Times'
import ui from '../ui/ui.module.css'
import { settingQueries, type User } from './api'
import { NewUser } from './NewUser'
import css from './settings.module.css'
import { UserDialog } from './UserDialog'
import { t } from './words'

export function Users() {
  const { data, error, isPending, refetch } = useQuery(settingQueries.users())
  const { data: me } = useQuery(queries.me())
  const [open, setOpen] = useState<string | null>(null)
  const [making, setMaking] = useState(false)
  const columns: Column<User>[] = [
    { id: 'name', head: t.name, breaks: true, cell: (row) => <><strong className="mono">{row.name}</strong> {row.display_name && <span className="muted">{row.display_name}</span>} {row.name === me?.user && <Tag>{t.you}</Tag>}</> },
    { id: 'source', head: t.source, cell: (row) => t.sources[row.source.split(':')[0]!] ?? row.source },
    { id: 'state', head: t.state, cell: (row) => <>{row.disabled ? <span className={css.bad}>{t.disabled}</span> : t.active}{row.must_change_password && <span className="muted"> · {t.firstPassword}</span>}</> },
    {
      id: 'permissions', head: t.permissions, breaks: true, cell: (row) => (
        <span className={css.marks}>
          {row.permissions.map((each) => <Tag key={each}>{each}</Tag>)}
          {row.permissions_from_groups.map((each) => <Tag key={`g${each}`}>{each} ({t.group_})</Tag>)}
        </span>
      ),
    },
    { id: 'last', head: t.lastSignIn, label: t.lastSignIn, cell: (row) => (row.last_sign_in ? <Ago at={row.last_sign_in} /> : t.never) },
    { id: 'edit', head: <span className="unseen">{t.edit}</span>, cell: (row) => <Button aria-label={t.editOf(row.name)} onClick={() => setOpen(row.name)}>{t.edit}</Button> },
  ]
  const chosen = data?.find((user) => user.name === open)
  return (
    <>
      <div className={css.bar}><Button kind="primary" icon={<Plus size={14} aria-hidden />} onClick={() => setMaking(true)}>{t.newUser}</Button><span className="muted">{t.usersHint}</span></div>
      {error && <ProblemPanel error={error} retry={() => void refetch()} />}
      <Skeleton pending={isPending} />
      {data && <section className={ui.panel}><DataTable label={t.tabs.users} columns={columns} rows={data} rowKey={(row) => row.name} /></section>}
      {chosen && <UserDialog user={chosen} users={data!} close={() => setOpen(null)} />}
      {making && <NewUser close={() => setMaking(false)} />}
    </>
  )
}
