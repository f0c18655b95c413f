//! Several processes on one PostgreSQL store, each with a home of its own as on a machine of its own; and the books they
//! leave: ledger, runs, attempts, and what the steps themselves wrote.

use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::{Database, Gate, Host, Postgres, Session, TempHome, wait_until};

use crate::program::{BINARY, home_with, nomaflow};
use crate::server::{bearer, http, json_body};

/// Bound of every wait: a debug build among busy neighbours.
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// Log lines, letter by letter from the seeds.
pub(crate) const ACQUIRED: &str = "scheduler: acquired lock · this replica is the scheduler primary";
pub(crate) const STANDS_BY: &str = "scheduler: failed to acquire lock · running scheduler-disabled";
/// What the steps of [`mark`] write, so that executions can be counted beside the history.
const MARKS: &str = "create table marks (job text, run text, step text, at timestamptz default clock_timestamp())";

/// A database and the files that every process on it has.
pub(crate) struct Site<'s> {
    database: Database<'s>,
    jobs: String,
    connectors: String,
}

impl<'s> Site<'s> {
    /// A fresh database with a table for marks; connector `db` leads to it.
    pub(crate) fn new(postgres: &'s Postgres, jobs: &str) -> Self {
        let database = postgres.database().unwrap();
        database.execute(MARKS).unwrap();
        let url = database.url();
        let connectors = format!("[pools.db]\nurl = \"{url}\"\n[connectors.db]\ntype = \"sql\"\npool = \"db\"\n");
        Self { database, jobs: jobs.to_owned(), connectors }
    }

    /// Adds to every home's `connectors.toml`.
    pub(crate) fn with_connectors(mut self, more: &str) -> Self {
        self.connectors += more;
        self
    }

    /// A connection for looking at what is there.
    pub(crate) fn session(&self) -> Session {
        self.database.session().unwrap()
    }

    /// Writes the `app.toml` of a home: the store, and `settings`.
    pub(crate) fn settle(&self, home: &TempHome, settings: &str) {
        let url = self.database.url();
        home.write("app.toml", format!("[store]\nurl = \"{url}\"\n{settings}\n")).unwrap();
    }

    /// A process that is not started yet. `settings` go into its `app.toml`, `flags` behind `serve`.
    pub(crate) fn replica(&self, settings: &str, flags: &[&str]) -> Replica {
        let home = home_with(&self.jobs);
        home.write("connectors.toml", &self.connectors).unwrap();
        self.settle(&home, settings);
        Replica { home, flags: flags.iter().map(ToString::to_string).collect(), host: None, earlier: Vec::new() }
    }

    /// A process that is not started yet and reaches the store, but not connector `db`, through a gate on the way to `port`.
    pub(crate) fn replica_through(&self, gate: &Gate, port: u16) -> Replica {
        let replica = self.replica("", &[]);
        let url = self.database.url().replace(&format!(":{port}/"), &format!(":{}/", gate.port()));
        assert_ne!(url, self.database.url());
        replica.home.write("app.toml", format!("[store]\nurl = \"{url}\"\n")).unwrap();
        replica
    }

    /// A process that is started and is the primary.
    pub(crate) fn primary(&self, settings: &str) -> Replica {
        let mut replica = self.replica(settings, &[]);
        replica.start();
        replica.says(ACQUIRED);
        replica
    }

    /// A process that is started and stands by, because another is the primary.
    pub(crate) fn standby(&self, settings: &str) -> Replica {
        let mut replica = self.replica(settings, &[]);
        replica.start();
        replica.says(STANDS_BY);
        replica
    }

    /// A process that only takes up runs.
    pub(crate) fn worker(&self, settings: &str, labels: &[&str]) -> Replica {
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let mut replica = self.replica(settings, &[&["--role", "worker"], &*labels.collect::<Vec<_>>()].concat());
        replica.start();
        replica
    }
}

/// One process, or the place where one was.
pub(crate) struct Replica {
    pub(crate) home: TempHome,
    flags: Vec<String>,
    host: Option<Host>,
    /// What its earlier lives printed.
    earlier: Vec<String>,
}

impl Replica {
    /// Starts it, as a new process, and waits until it listens.
    pub(crate) fn start(&mut self) {
        assert!(self.host.is_none(), "it runs already");
        let host = Host::start_with(BINARY, self.home.path(), |command| {
            let ours = std::env::vars().map(|(name, _)| name);
            for name in ours.filter(|n| n.starts_with("NOMAFLOW_") || n.starts_with("LIBERTY_")) {
                command.env_remove(name);
            }
            command.env("USER", "bob").args(&self.flags);
        });
        self.host = Some(host.unwrap());
    }

    pub(crate) fn host(&mut self) -> &mut Host {
        self.host.as_mut().expect("it runs")
    }

    fn end(&mut self) -> Host {
        let host = self.host.take().expect("it runs");
        self.earlier.extend(host.lines());
        host
    }

    /// `kill -9`; returns when it is gone.
    pub(crate) fn kill(&mut self) {
        self.end().kill();
    }

    /// Stops it as an operator does.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let status = self.end().stop(SOON).unwrap();
        assert!(status.success(), "{status}");
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.host.as_ref().expect("it runs").id()
    }

    /// Whether `owner`, as runs and the lease name processes, is this one.
    pub(crate) fn is(&self, owner: &str) -> bool {
        self.host.as_ref().is_some_and(|host| owner.rsplit('/').nth(1) == Some(host.id().to_string().as_str()))
    }

    /// Waits until its present life has printed `line`.
    #[track_caller]
    pub(crate) fn says(&self, line: &str) {
        came(&[self], line, || self.host.as_ref().is_some_and(|host| host.lines().iter().any(|l| l.contains(line))));
    }

    /// The last lines it printed, earlier lives included.
    pub(crate) fn tail(&self) -> String {
        let now = self.host.as_ref().map(Host::lines).unwrap_or_default();
        let all: Vec<&String> = self.earlier.iter().chain(&now).collect();
        let from = all.len().saturating_sub(40);
        all[from..].iter().map(|line| format!("{line}\n")).collect()
    }

    /// `GET path` with its token; status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, "")
    }

    /// A request with its token and a JSON body; status and body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let host = self.host.as_ref().expect("it runs");
        let headers = [("Authorization", bearer(&self.home)), ("Content-Type", "application/json".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (status, _, body) = http(host.url(), method, path, &headers, body);
        (status, json_body(&body))
    }

    /// What `/admin/jobs/health` says of the scheduler: `active`, `standby` or `error`.
    pub(crate) fn scheduler(&self) -> String {
        self.get("/admin/jobs/health").1["scheduler"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until its health says `state`.
    #[track_caller]
    pub(crate) fn becomes(&self, state: &str) {
        came(&[self], &format!("health says {state}"), || self.scheduler() == state);
    }

    /// Runs a job through this process and returns at once with the run's id.
    #[track_caller]
    pub(crate) fn fire(&self, job: &str, more: &[&str]) -> String {
        let arguments = [&["job", "run", job, "--detach"], more].concat();
        nomaflow(self.home.path(), &arguments).expect(0).out.trim().to_owned()
    }

    /// A run as this process shows it: `run`, `steps`.
    pub(crate) fn run(&self, id: &str) -> Value {
        self.get(&format!("/admin/jobs/runs/{id}")).1
    }

    /// Waits until a run has come to `status`; the whole document.
    #[track_caller]
    pub(crate) fn sees(&self, id: &str, status: &str) -> Value {
        came(&[self], &format!("run {id} comes to {status}"), || self.run(id)["run"]["status"] == status);
        self.run(id)
    }
}

/// Waits until `condition` is true; fails with what the processes printed.
#[track_caller]
pub(crate) fn came(replicas: &[&Replica], what: &str, condition: impl FnMut() -> bool) {
    if wait_until(SOON, condition) == test_support::Waited::InVain {
        let tails: String = replicas.iter().map(|replica| format!("--\n{}", replica.tail())).collect();
        panic!("waited in vain for: {what}\n{tails}");
    }
}

/// Lets the clock go on.
pub(crate) fn let_pass(time: Duration) {
    let begin = Instant::now();
    wait_until(SOON + time, || begin.elapsed() >= time).or_panic("the clock goes on");
}

/// A job: `keys` are lines of TOML, `steps` come from [`mark`] and [`query`].
pub(crate) fn job(id: &str, keys: &str, steps: &[String]) -> String {
    format!("[[jobs]]\nid = \"{id}\"\n{keys}\n{}", steps.concat())
}

/// A step that runs a statement on connector `db`.
pub(crate) fn query(name: &str, sql: &str) -> String {
    query_on("db", name, sql)
}

/// A step that runs a statement on another connector.
pub(crate) fn query_on(connector: &str, name: &str, sql: &str) -> String {
    format!(
        "[[jobs.steps]]\nname = \"{name}\"\ntype = \"sql_query\"\nconnector = \"{connector}\"\nquery = '''{sql}'''\n\
         params = {{ job = \"${{job.id}}\", run = \"${{run.id}}\" }}\n"
    )
}

/// A step that leaves a row in the table of marks each time it is executed.
pub(crate) fn mark(name: &str) -> String {
    query(name, &format!("insert into marks (job, run, step) values (:job, :run, '{name}')"))
}

/// A step that takes so long, on the server.
pub(crate) fn sleep(name: &str, seconds: f64) -> String {
    query(name, &format!("select pg_sleep({seconds}), cast(:job as text) as job, cast(:run as text) as run"))
}

/// Who has the lease, and in which term; nobody: an empty name.
pub(crate) fn lease(session: &mut Session) -> (String, u64) {
    let rows = session.rows("select holder, term from ly2_jobs_lock").unwrap();
    rows.first().map(|row| (row[0].clone(), row[1].parse().unwrap())).unwrap_or_default()
}

/// A slot of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) job: String,
    /// Milliseconds since 1970.
    pub(crate) due: i64,
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) run: String,
}

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) id: String,
    pub(crate) job: String,
    pub(crate) status: String,
    pub(crate) reason: String,
    pub(crate) owner: String,
    pub(crate) term: u32,
    /// Milliseconds since 1970; of a run that no schedule fired: none.
    pub(crate) due: Option<i64>,
}

/// The ledger, by job and instant.
pub(crate) fn slots(session: &mut Session) -> Vec<Slot> {
    let sql = "select job_id, (extract(epoch from due_at) * 1000)::bigint, outcome, reason, run_id from ly2_slots \
               where job_id not like '\\_internal-%' order by 1, 2";
    let slot = |row: Vec<String>| {
        let [job, due, outcome, reason, run] = row.try_into().unwrap();
        Slot { job, due: due.parse().unwrap(), outcome, reason, run }
    };
    session.rows(sql).unwrap().into_iter().map(slot).collect()
}

/// All runs, by id.
pub(crate) fn runs(session: &mut Session) -> Vec<RunRow> {
    let sql = "select id, job_id, status, reason, owner, term, (extract(epoch from scheduled_at) * 1000)::bigint \
               from ly2_job_runs order by id";
    let run = |row: Vec<String>| {
        let [id, job, status, reason, owner, term, due] = row.try_into().unwrap();
        RunRow { id, job, status, reason, owner, term: term.parse().unwrap(), due: due.parse().ok() }
    };
    session.rows(sql).unwrap().into_iter().map(run).collect()
}

/// How many runs are not final.
pub(crate) fn in_flight(session: &mut Session) -> u32 {
    let sql = "select count(*) from ly2_job_runs where status in ('QUEUED', 'RUNNING')";
    session.value(sql).unwrap().parse().unwrap()
}

/// Every second between the first and the last slot of each job has exactly one row, whatever became of it.
#[track_caller]
pub(crate) fn assert_whole(slots: &[Slot]) {
    for pair in slots.windows(2).filter(|pair| pair[0].job == pair[1].job) {
        assert_eq!(pair[0].due + 1000, pair[1].due, "a slot is lost or doubled between\n{:?}\n{:?}", pair[0], pair[1]);
    }
}
