//! The command line, low-level form: names, flags, help. No behaviour.

mod access;
mod audit;
mod backup;
mod catalogue;
mod connector;
mod logs;
mod notify;
mod plugin;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use access::{LoginArgs, Token, User};
pub(crate) use audit::{Audit, AuditListArgs};
pub(crate) use backup::{Backup, BackupCommand, Restore, Store};
pub(crate) use catalogue::{ImportArgs, JobChange};
pub(crate) use connector::{ChangeArgs, Connector, Format, QueryArgs};
pub(crate) use logs::{Logs, LogsSearchArgs};
pub(crate) use notify::Notify;
pub(crate) use plugin::{ConsentArgs, Plugin, PluginInstallArgs, PluginRunArgs, ProjectArgs};

#[derive(Parser)]
#[command(
    name = "nomaflow",
    version,
    about = "Runs jobs: SQL, copies, HTTP, Python and sandboxed components, on a schedule or on demand"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args, Clone)]
pub(crate) struct Global {
    /// Home directory: app.toml, connectors.toml, plugins/, data/
    #[arg(long, global = true, env = "NOMAFLOW_HOME", default_value = ".", value_name = "DIR")]
    pub(crate) home: PathBuf,
    /// Print JSON, one document per answer
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The server to talk to [default: the address in app.toml]
    #[arg(long, global = true, env = "NOMAFLOW_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Work on the home directory in this process, without a server
    #[arg(long, global = true)]
    pub(crate) local: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lay out a home directory; existing files are left alone
    Init {
        /// The directory
        dir: PathBuf,
    },
    /// Check settings, connectors and every job; print each problem with its place
    Check,
    /// Run the scheduler, the REST API and the page; or, as a worker, the runs that wait for one
    Serve(ServeArgs),
    /// Read the catalogue of a running server again
    Reload,
    /// When a schedule fires: its next instants, one a line
    Cron(CronArgs),
    /// Jobs: list, show, run, cancel, history, logs, next; enable, edit, rename, versions and their like
    #[command(subcommand)]
    Job(Job),
    /// Write the whole catalogue as a snapshot, without secrets in clear
    Export {
        /// The file to write [default: standard output]
        file: Option<PathBuf>,
    },
    /// Take a snapshot over: every job is checked before any is in force
    Import(ImportArgs),
    /// The scheduler as a whole: pause, resume, status, maintenance
    #[command(subcommand)]
    Scheduler(Scheduler),
    /// Runs: show, logs, replay
    #[command(subcommand)]
    Run(Run),
    /// Logs of all runs: search
    #[command(subcommand)]
    Logs(Logs),
    /// Secrets: set, list, delete, encrypt, decrypt, genkey, rotate
    #[command(subcommand)]
    Secret(Secret),
    /// The audit trail: who did what; list, verify, export
    #[command(subcommand)]
    Audit(Audit),
    /// Accounts: add, list, disable, enable, password, grant, revoke, delete
    #[command(subcommand)]
    User(User),
    /// API tokens: create, list, revoke
    #[command(subcommand)]
    Token(Token),
    /// Sign this machine in to a server with user and password; standard input has the password, one a line, where it is no
    /// terminal
    Login(LoginArgs),
    /// Sign this machine out again
    Logout,
    /// Notifications: list, test, preview, deliveries, resend, mute
    #[command(subcommand)]
    Notify(Notify),
    /// Connectors: list, test, query, on the files of the home; add, set, remove, rename through the server
    #[command(subcommand)]
    Connector(Connector),
    /// Plugins: new, build, test, dev, run, list, inspect, install, versions, rollback, approve, stats, update
    #[command(subcommand)]
    Plugin(Plugin),
    /// Everything of the home and its store into one archive, while the server runs; verify one
    Backup(Backup),
    /// Put an archive in place: into `--home`, or nothing of it
    Restore(Restore),
    /// The store: status, migrate, prune, check, move
    #[command(subcommand)]
    Store(Store),
    /// Look at everything a night needs, and say what to do about what is wrong
    Doctor,
    /// Write what somebody needs to help from afar: settings, versions, health, the last lines of the server's log; no secrets
    Diagnostics {
        /// The file to write [default: standard output]
        file: Option<PathBuf>,
    },
    /// A completion script for a shell, on standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages, one for each command
    Man {
        /// The folder they go to
        dir: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// `server`, or `worker`: only takes up runs of the shared store, and opens no port unless told to
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Take up runs placed at `label:<NAME>` too; may be given several times
    #[arg(long = "label", value_name = "NAME")]
    pub(crate) labels: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum Job {
    /// Every job with its last run and next fire
    List,
    /// One job: definition, schedules, steps
    Show {
        /// Job id
        id: String,
    },
    /// Run a job and follow it to its end
    Run(RunArgs),
    /// Cancel a run
    #[command(visible_alias = "abort")]
    Cancel {
        /// Run id, or the id of a job that has one run in flight
        run: String,
    },
    /// Latest runs of a job
    History {
        /// Job id
        id: String,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// The log of a run
    Logs {
        /// Run id, or a job id for its latest run
        run: String,
        /// Go on until the run ends, also when the server is started again meanwhile
        #[arg(long, short)]
        follow: bool,
    },
    /// Why a job ran or did not: what became of the instants at which it was due
    Why {
        /// Job id
        id: String,
        /// About this time: RFC 3339, or a wall time of the job's zone, to the day, minute or second [default: the latest]
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// At most so many of the latest
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// The next fires of a job, over all its schedules
    Next {
        /// Job id
        id: String,
        /// How many
        #[arg(short = 'n', long, default_value_t = 10)]
        count: u32,
    },
    /// Skip the next fire of a job once, before it is due
    SkipNext(SkipArgs),
    #[command(flatten)]
    Change(JobChange),
}

#[derive(Subcommand)]
pub(crate) enum Scheduler {
    /// Stop firing schedules, on every replica, until resumed; manual runs go on
    Pause {
        /// Why; recorded with each slot that is missed
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Fire schedules again
    Resume,
    /// Maintenance windows: spans of time in which no schedule fires
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Whether schedules fire, who paused them, and which processes share the store
    Status,
}

#[derive(Subcommand)]
pub(crate) enum Maintenance {
    /// Those that were, are and will be, the latest first
    List,
    /// Announce one; manual runs go on
    Add {
        /// The first instant inside: RFC 3339, or a wall time [default: now]
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// The first instant at which schedules fire again
        #[arg(long, value_name = "TIME")]
        to: String,
        /// Whose wall clock the times speak of, such as Europe/Paris [default: the server's]
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
        /// Why; recorded with each slot that is skipped
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// End one now, or take back one that has not begun
    End {
        /// Its id
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct SkipArgs {
    /// Job id
    pub(crate) id: String,
    /// Which of its schedules [default: the one that fires next]
    #[arg(long, value_name = "NAME")]
    pub(crate) schedule: Option<String>,
    /// Which fire of it: RFC 3339, or a wall time of the schedule [default: the next]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Take the skip of that fire back
    #[arg(long, requires = "at")]
    pub(crate) undo: bool,
}

#[derive(Subcommand)]
pub(crate) enum Secret {
    /// Keep a secret for `${secret.NAME}`; its value is read from standard input, never from the command line
    Set {
        /// Letters, digits, `_` and `-`
        name: String,
    },
    /// Names, times and who wrote them; never a value
    List,
    /// Delete a secret
    Delete {
        /// Its name
        name: String,
    },
    /// Seal a value for a file: standard input becomes `ENC:…`
    Encrypt,
    /// Open a sealed value: `ENC:…` on standard input
    Decrypt,
    /// Make the key file of this home; refused when there is one
    Genkey,
    /// Put a new key in place, and seal every secret of the store and of connectors.toml anew
    Rotate {
        /// Keep the old keys too, for sealed values that are elsewhere
        #[arg(long)]
        keep_old: bool,
    },
}

#[derive(Args)]
pub(crate) struct CronArgs {
    /// `minute hour day month weekday`, a sixth field for the second in last place, or `@daily` and its like
    #[arg(value_name = "EXPR", required_unless_present = "batch")]
    pub(crate) expression: Option<String>,
    /// EXPR is an interval such as `15m` or `1h30m`
    #[arg(long)]
    pub(crate) every: bool,
    /// Whose wall clock EXPR speaks of, such as Europe/Paris [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Begin after this instant: RFC 3339, or a wall time of the zone [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// How many
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) count: u32,
    /// A wall time that the clocks jump over: shift | skip
    #[arg(long, value_name = "RULE")]
    pub(crate) gap: Option<String>,
    /// A wall time that comes twice: first | second | both
    #[arg(long, value_name = "RULE")]
    pub(crate) fold: Option<String>,
    /// Answer requests from standard input, one JSON object a line
    #[arg(long, hide = true, conflicts_with_all = ["expression", "every", "timezone", "from", "gap", "fold"])]
    pub(crate) batch: bool,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Job id
    pub(crate) id: String,
    /// Set a parameter for this run: key=value, the value read as JSON when it is JSON
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub(crate) params: Vec<String>,
    /// Set a keyword argument of one step for this run: step.key=value
    #[arg(long = "op-kwarg", value_name = "STEP.KEY=VALUE")]
    pub(crate) op_kwargs: Vec<String>,
    /// Run with the values of a preset of the job
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Skip a step in this run
    #[arg(long = "skip", value_name = "STEP")]
    pub(crate) skip: Vec<String>,
    /// Where it runs: here (in the process that answers), any, or label:<name>
    #[arg(long, value_name = "PLACE")]
    pub(crate) placement: Option<String>,
    /// Verbosity of this run: INFO or DEBUG
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// Print the run id and return without waiting
    #[arg(long, conflicts_with = "local")]
    pub(crate) detach: bool,
    /// Print every log line of the run
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Subcommand)]
pub(crate) enum Run {
    /// One run: steps, attempts, errors
    Show {
        /// Run id
        id: String,
    },
    /// The log of a run
    Logs {
        /// Run id, or a job id for its latest run
        id: String,
        /// Go on until the run ends, also when the server is started again meanwhile
        #[arg(long, short)]
        follow: bool,
    },
    /// Run a run again, with its values and its dates, and follow it to its end
    Replay(ReplayArgs),
}

#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// Run id
    pub(crate) id: String,
    /// Begin with this step; those before it do not run, what they returned stays
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// Use the job as it is now, not as it was when the run was recorded
    #[arg(long)]
    pub(crate) current: bool,
    /// Print the run id and return without waiting
    #[arg(long, conflicts_with = "local")]
    pub(crate) detach: bool,
    /// Print every log line of the run
    #[arg(long, short)]
    pub(crate) verbose: bool,
}
