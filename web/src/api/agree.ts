/**
 * Where a page has a type of its own for what the server answers, the answer must fit it, and where it has one for what is
 * sent, the server must take it: `npm run check` fails here otherwise. Types only; nothing of this is in the page.
 */
import type { Connector, LastTest, NamedQuery, Stage, Table, TestReport } from '../connectors/connectors'
import type { Connector as Choice, Callable as Callee, Checked, JobSource, Preview } from '../editor/requests'
import type { Check, Health, Replica } from '../health/health'
import type { Load } from '../health/load'
import type { Progress } from '../live/protocol'
import type { Plugin, PluginsDocument, PluginUse } from '../plugins/plugins'
import type { Version } from '../plugins/versions'
import type { Band, Calendar, CalendarRow, CalendarRun, CalendarSlot } from '../schedule/calendar'
import type { About, AuditEntry, ImportPlan, NewToken, Retention, Secret, Session, Setting, Token, User, Verdict } from '../settings/api'
import type { Provider } from '../app/session'
import type { QueryCheck, Statement } from '../sql/requests'
import type { SchedulerState } from './client'
import type { Me } from './permissions'
import type * as wire from './wire'

/** The server's `Answer` can be read as `Shown`. */
type Fits<Shown, Answer extends Shown> = [Shown, Answer]

/** The same with words the document does not list. */
type Loose<Shown, Words extends keyof Shown> = Omit<Shown, Words> & Record<Words, string>

export type Answers = [
  Fits<Me, wire.Me>,
  Fits<Loose<Provider, 'kind'>, wire.Provider>,
  Fits<SchedulerState, wire.SchedulerStanding>,
  Fits<Progress, wire.ProgressView>,
  Fits<User, wire.User>,
  Fits<Token, wire.Token>,
  Fits<Session, wire.Session>,
  Fits<Secret, wire.SecretView>,
  Fits<Loose<Setting, 'source'>, wire.SettingView>,
  Fits<About, wire.About>,
  Fits<Retention, wire.Retention>,
  Fits<AuditEntry, wire.AuditEntry>,
  Fits<Verdict, wire.AuditVerdict>,
  Fits<ImportPlan, wire.ImportPlan>,
  Fits<Checked, wire.JobChecked>,
  Fits<Omit<JobSource, 'job'>, wire.JobSource>,
  Fits<Preview, wire.CronPreview>,
  Fits<Choice, wire.ConnectorView>,
  Fits<Omit<Callee, 'params'>, wire.CallableView>,
  Fits<Loose<Connector, 'type'>, wire.ConnectorView>,
  Fits<LastTest, wire.LastTest>,
  Fits<Stage, wire.StageView>,
  Fits<TestReport, wire.ConnectorTestView>,
  Fits<Table, wire.TableView>,
  Fits<NamedQuery, wire.QueryView>,
  Fits<Omit<Loose<Plugin, 'state'>, 'callables'>, wire.PluginView>,
  Fits<PluginUse, wire.PluginUse>,
  Fits<Version, wire.PluginVersionView>,
  Fits<Statement, wire.StatementView>,
  Fits<Omit<QueryCheck, 'statements'>, wire.QueryCheckView>,
  Fits<Omit<PluginsDocument, 'plugins'>, wire.PluginList>,
  Fits<Health, wire.Health>,
  Fits<Replica, wire.ReplicaView>,
  Fits<Check, wire.Check>,
  Fits<Load, wire.Load>,
  Fits<Calendar, wire.Calendar>,
  Fits<CalendarRow, wire.CalendarRow>,
  Fits<CalendarRun, wire.CalendarRun>,
  Fits<CalendarSlot, wire.CalendarSlot>,
  Fits<Band, wire.Band>,
]

/** What is sent can be read by the server. */
export type Requests = [Fits<wire.NewTokenBody, NewToken>]
