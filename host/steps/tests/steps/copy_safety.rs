//! What a copy survives: readers that look all the time, a kill in the middle, a source that goes away, a full disk, rows
//! wider than any buffer. The live table is whole each time, old or new, and nothing is left over.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use host_model::job::spec::CopyMode;
use host_model::value::Value;
use tempfile::TempDir;
use test_support::{Database, Gate, Postgres, wait_until_async};

use crate::kit::{Bench, Set, copy};

const SOON: Duration = Duration::from_secs(60);
const SOURCE: &str = "NOMAFLOW_TEST_COPY_SOURCE";
const TARGET: &str = "NOMAFLOW_TEST_COPY_TARGET";
const MODE: &str = "NOMAFLOW_TEST_COPY_MODE";

fn connectors(source: &str, target: &str) -> Bench {
    let declare = |set: Set, name: &str, at: &str| match at.split(':').next() {
        Some("postgres") => set.postgres(name, at),
        Some("mysql") => set.mysql(name, at),
        _ => set.sqlite(name, Path::new(at)),
    };
    declare(declare(Set::default(), "from", source), "to", target).build()
}

/// Not a test of its own: the process that [`a_copy_that_is_killed_leaves_the_table_whole`] and others start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests, in a process of its own"]
async fn child_that_copies() {
    let (Ok(source), Ok(target)) = (std::env::var(SOURCE), std::env::var(TARGET)) else { return };
    let mode = std::env::var(MODE).ok().and_then(|mode| CopyMode::parse(&mode)).unwrap();
    let bench = connectors(&source, &target);
    let result = bench.run_copy(copy("from", "big", "to", "t", mode)).await;
    if let Err(error) = result {
        eprintln!("the copy failed: {error}\n{}", error.detail);
        std::process::exit(3);
    }
}

/// Starts it; `before` is shell text that runs first in the same process.
pub(crate) fn start_child(source: &str, target: &str, mode: CopyMode, before: &str) -> Child {
    let script = format!("{before} exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "copy_safety::child_that_copies", "--ignored", "--nocapture"])
        .envs([(SOURCE, source), (TARGET, target), (MODE, mode.as_str())])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

pub(crate) fn wait_for(what: &'static str, condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let mut condition = condition;
    async move {
        wait_until_async(SOON, tokio::time::sleep, || std::future::ready(condition())).await.or_panic(what);
    }
}

/// Rows that a COPY in the database has taken so far.
fn copied(database: &Database<'_>) -> u64 {
    let sql = "select coalesce(max(tuples_processed), 0) from pg_stat_progress_copy where command = 'COPY FROM' and datname = current_database()";
    database.execute(sql).unwrap().parse().unwrap()
}

fn leftovers(database: &Database<'_>) -> String {
    database.execute("select count(*) from pg_class where relname like 'nomaflow%'").unwrap()
}

fn fill(database: &Database<'_>, rows: u64) {
    let sql = format!("create table big as select i, repeat('x', 90) t from generate_series(1, {rows}) i");
    database.execute(&sql).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_leaves_the_table_whole() {
    let server = Postgres::start().unwrap();
    let folder = TempDir::new().unwrap();
    let lite = folder.path().join("t.db");
    let from = server.database().unwrap();
    fill(&from, 1_500_000);
    for mode in [CopyMode::Overwrite, CopyMode::Append, CopyMode::Upsert] {
        let to = server.database().unwrap();
        to.execute("create table t (i int primary key, t text); insert into t values (-1, 'old')").unwrap();
        let mut child = start_child(from.url(), to.url(), mode, "");
        wait_for("rows to arrive", || copied(&to) > 10_000).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // The server notices the broken connection and rolls back; nobody has to clean up.
        wait_for("the server to let go", || copied(&to) == 0).await;
        assert_eq!(to.execute("select string_agg(i || t, ',') from t").unwrap(), "-1old", "{mode:?}");
        wait_for("the staging table to be gone", || leftovers(&to) == "0").await;
        // The next run works.
        let bench = connectors(from.url(), to.url());
        let mut spec = copy("from", "big", "to", "t", mode);
        spec.source.filter = Some("i <= 10".into());
        bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{mode:?}: {e}"));
        let want = if mode == CopyMode::Overwrite { "10" } else { "11" };
        assert_eq!(to.execute("select count(*) from t").unwrap(), want, "{mode:?}");
        assert_eq!(leftovers(&to), "0");
    }
    // Into SQLite: what the journal holds is forgotten.
    let path = lite.to_str().unwrap().to_owned();
    let bench = connectors(from.url(), &path);
    bench.execute("to", &["create table t (i integer primary key, t text)", "insert into t values (-1, 'old')"]).await;
    let wal = folder.path().join("t.db-wal");
    let mut child = start_child(from.url(), &path, CopyMode::Overwrite, "");
    wait_for("the journal to grow", || wal.metadata().is_ok_and(|m| m.len() > 3_000_000)).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.rows("to", "select i, t from t").await, [[Value::Int(-1), Value::Text("old".into())]]);
    let mut spec = copy("from", "big", "to", "t", CopyMode::Overwrite);
    spec.source.filter = Some("i <= 10".into());
    bench.run_copy(spec).await.unwrap();
    assert_eq!(bench.rows("to", "select count(*) from t").await, [[Value::Int(10)]]);
    let tables = bench.rows("to", "select group_concat(name) from sqlite_schema").await;
    assert_eq!(tables, [[Value::Text("t".into())]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_leaves_the_table_whole() {
    let folder = TempDir::new().unwrap();
    let (from, to) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let bench = connectors(from, to);
    let fill = "with recursive s(i) as (select 1 union all select i + 1 from s where i < 100000) insert into big select i, hex(randomblob(50)) from s";
    bench.execute("from", &["create table big (i integer, t text)", fill]).await;
    bench.execute("to", &["create table t (i integer, t text)", "insert into t values (1, 'old')"]).await;
    // A file of this process may have two megabytes; a write beyond fails as on a full disk.
    let child = start_child(from, to, CopyMode::Overwrite, "trap '' XFSZ; ulimit -f 4000;");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("the copy failed: connector `to`"), "{said}");
    assert!(said.contains("disk"), "{said}");
    assert_eq!(bench.rows("to", "select i, t from t").await, [[Value::Int(1), Value::Text("old".into())]]);
    // There is room again.
    bench.run_copy(copy("from", "big", "to", "t", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(bench.rows("to", "select count(*) from t").await, [[Value::Int(100_000)]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_goes_away_in_the_middle_fails_the_copy_and_changes_nothing() {
    let server = Postgres::start_private().unwrap();
    let port = server.port().unwrap();
    let folder = TempDir::new().unwrap();
    let (from, to) = (server.database().unwrap(), server.database().unwrap());
    fill(&from, 1_500_000);
    to.execute("create table t (i int, t text); insert into t values (-1, 'old')").unwrap();
    let lite = folder.path().join("t.db");
    let setup = connectors(from.url(), lite.to_str().unwrap());
    setup.execute("to", &["create table t (i integer, t text)", "insert into t values (-1, 'old')"]).await;
    for (target, parallel) in [(to.url(), 1), (lite.to_str().unwrap(), 1), (to.url(), 2)] {
        let gate = Gate::to(port).unwrap();
        let url = from.url().replace(&format!(":{port}/"), &format!(":{}/", gate.port()));
        let bench = connectors(&url, target);
        let mut spec = copy("from", "big", "to", "t", CopyMode::Overwrite);
        spec.parallel = parallel;
        let copying = bench.run_copy(spec);
        tokio::pin!(copying);
        let is_moving = || bench.voice.progress.lock().unwrap().iter().any(|(done, _)| *done > 0);
        tokio::select! {
            done = &mut copying => panic!("it ended first: {done:?}"),
            () = wait_for("rows to move", is_moving) => {}
        }
        tokio::task::spawn_blocking(move || drop(gate)).await.unwrap();
        let error = tokio::time::timeout(SOON, copying).await.unwrap().unwrap_err();
        assert!(error.message.contains("connector `from`"), "{error}");
        assert!(!error.message.contains("bytes"), "what the driver had hoped to read tells nobody anything: {error}");
        assert!(error.may_retry, "{error}");
        let after = connectors(from.url(), target);
        assert_eq!(after.rows("to", "select i, t from t").await, [[Value::Int(-1), Value::Text("old".into())]]);
        assert_eq!(leftovers(&to), "0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_looks_all_the_time_never_sees_half_a_table() {
    let server = Postgres::start().unwrap();
    for view in ["", "create view v as select * from t;"] {
        let database = server.database().unwrap();
        database
            .execute(&format!(
                "create table t (id int primary key, version int); insert into t select i, 0 from generate_series(1, 2000) i;
                 create table src (id int primary key, version int); insert into src select i, 0 from generate_series(1, 2000) i; {view}"
            ))
            .unwrap();
        let bench = Set::default().postgres("pg", database.url()).build();
        let (is_over, looks) = (AtomicBool::new(false), AtomicU64::new(0));
        let reading = async {
            let reader = Set::default().postgres("pg", database.url()).build();
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let sql = "select count(*), min(version), max(version) from t";
                let row = reader.rows("pg", sql).await.remove(0);
                let [Value::Int(count), Value::Int(min), Value::Int(max)] = row.as_slice() else { panic!("{row:?}") };
                assert_eq!((*count, min), (2000, max), "one whole version");
                assert!(*min >= last, "never back to an older one");
                last = *min;
                looks.fetch_add(1, Ordering::Relaxed);
            }
        };
        let copying = async {
            for version in 1..=15 {
                bench.execute("pg", &[&format!("update src set version = {version}")]).await;
                bench.run_copy(copy("pg", "src", "pg", "t", CopyMode::Overwrite)).await.unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(reading, copying);
        assert!(looks.load(Ordering::Relaxed) > 15);
        assert_eq!(database.execute("select min(version) from t").unwrap(), "15");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_never_lets_go_does_not_keep_the_rows_out() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database
        .execute(
            "create table src as select i, i % 7 as n from generate_series(1, 1000) i; \
             create table t (i int primary key, n int, note text default 'x'); insert into t values (-1, 0)",
        )
        .unwrap();
    let bench = Set::default().postgres("pg", database.url()).build();
    // A session that reads keeps its transaction, and with it the table, until it ends.
    let reader = bench.session("pg", host_model::port::Access::Read).await;
    crate::kit::all_rows(&*reader, "select * from t", Vec::new()).await;
    let before = database.execute("select 't'::regclass::oid").unwrap();
    bench.run_copy(copy("pg", "src", "pg", "t", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(database.execute("select count(*) || max(note) || sum(n) from t").unwrap(), "1000x3003");
    assert_eq!(database.execute("select 't'::regclass::oid").unwrap(), before, "it is the same table");
    assert_eq!(leftovers(&database), "0");
}

/// Most memory this process ever had resident, in MiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wide_rows_pass_through_little_memory() {
    const ROWS: u64 = 100;
    const WIDTH: u64 = 2_000_000;
    let server = Postgres::start().unwrap();
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    let folder = TempDir::new().unwrap();
    let bench = Set::default()
        .postgres("a", a.url())
        .postgres("b", b.url())
        .sqlite("lite", &folder.path().join("a.db"))
        .sqlite("lite2", &folder.path().join("b.db"))
        .build();
    a.execute(&format!(
        "create table wide as select i, repeat(i::text, {WIDTH} / length(i::text)) t from generate_series(1, {ROWS}) i"
    ))
    .unwrap();
    let mut ceilings = Vec::new();
    for (from, to) in [("a", "b"), ("a", "lite"), ("lite", "lite2"), ("lite", "b")] {
        // Forgets the peak so far.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak();
        let mut spec = copy(from, "wide", to, "wide", CopyMode::Overwrite);
        if from == "a" && to == "b" {
            // Cell by cell; the other pairs do so anyway.
            spec.source.filter = Some("i < :top".into());
            spec.source.params = serde_json::json!({"top": 1000}).as_object().cloned().unwrap();
        }
        assert_eq!(bench.run_copy(spec).await.unwrap().rows_affected, Some(ROWS as i64), "{from} to {to}");
        ceilings.push((from, to, peak() - before));
    }
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let mut spec = copy("a", "wide", "b", "raw", CopyMode::Overwrite);
    spec.source.table = host_model::job::spec::SourceTable::Query("select * from wide".into());
    bench.run_copy(spec).await.unwrap();
    ceilings.push(("a", "b raw", peak() - before));
    // 200 MB went by each time; a row is 2 MB, and several copies of one may be on their way.
    assert!(ceilings.iter().all(|(.., grown)| *grown <= 32), "MiB more than before: {ceilings:?}");
}
