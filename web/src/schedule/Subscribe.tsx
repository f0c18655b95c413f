/** An address that other calendars subscribe to. It carries a token that opens nothing but the calendar. */
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { endpoint, http, queryString } from '../api/http'
import { queryClient } from '../api/queries'
import { Button } from '../ui/Button'
import { CopyButton } from '../ui/Copy'
import { Dialog } from '../ui/Dialog'
import { Field } from '../ui/Field'
import { InlineProblem } from '../ui/Problem'
import { t } from './words'

const DAYS = 365

export function SubscribeDialog({ job, close }: { job: string | undefined; close: () => void }) {
  const make = useMutation({
    mutationFn: () => http.post<{ secret: string }>('admin/tokens', { name: job === undefined ? t.tokenName : `${t.tokenName}: ${job}`, permissions: ['schedule:read'], expires_in_days: DAYS }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['tokens'] }),
  })
  const address = make.data && new URL(endpoint(`admin/schedule.ics${queryString({ job, token: make.data.secret })}`), location.href).href
  return (
    <Dialog
      title={t.subscribe}
      close={close}
      foot={
        <>
          <InlineProblem error={make.error} />
          {!address && <Button onClick={close}>{t.cancel}</Button>}
          {!address && <Button kind="primary" pending={make.isPending} onClick={() => make.mutate()}>{make.isPending ? t.makingAddress : t.makeAddress}</Button>}
          {address && <CopyButton text={address} label={t.copyAddress} />}
          {address && <Button kind="primary" onClick={close}>{t.close}</Button>}
        </>
      }
    >
      <p>{job === undefined ? t.subscribeHint : t.subscribeJob(job)}</p>
      <p className="muted">{t.subscribeSecret(DAYS)} <Link to="/settings/$tab" params={{ tab: 'tokens' }}>{t.toTokens}</Link></p>
      {address && <Field label={t.address}>{(tie) => <input {...tie} type="text" className="mono" readOnly value={address} onFocus={(event) => event.target.select()} />}</Field>}
    </Dialog>
  )
}
