//! Runs looked for over a history that is longer than one look takes.

use std::time::Duration;

use host_model::run::RunFilter;
use host_model::{JobId, RunId, RunStatus};
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::history::LONG;
use super::{Bench, at, job_id};
use crate::loan::{OPERATION, Watch};
use crate::run_walk::Walk;
use crate::sql::{Bind, Conn, render_at};
use crate::url::Target;

/// Two slices and a bit.
const RUNS: u32 = 9_000;
/// One look and no more.
const NONE: Duration = Duration::ZERO;

fn id(n: u32) -> RunId {
    RunId::from_parts(at(i64::from(n) * 1000).timestamp_millis() as u64, n)
}

/// Runs a second apart, oldest first: some failed, some were skipped, some were begun by hand, one job hardly ever ran.
async fn fill(bench: &Bench) {
    let rows = (0..RUNS).map(|n| {
        let job = if n % 2_999 == 1 { "rare_job".to_owned() } else { format!("job-{}", n % 70) };
        let (status, reason, error) = match n {
            n if n % 50 == 3 => ("FAILED", "null", "'step `q`: the server refused'"),
            n if n % 97 == 5 => ("SKIPPED", "'job-7 goes on'", "null"),
            _ => ("SUCCEEDED", "null", "null"),
        };
        let by = match n {
            n if n % 45 == 2 => "api",
            n if n % 61 == 4 => "user:alice",
            n if n % 400 == 9 => "user:bob",
            _ => "cron",
        };
        let begun = i64::from(n) * 1000;
        let (queued, ended) = (render_at(at(begun)), render_at(at(begun + i64::from(n % 7) * 1000)));
        format!(
            "('{}', '{job}', '{status}', {reason}, {error}, '{by}', '{queued}', '{queued}', '{ended}', 1, 'INFO', '{{}}', '{{}}', \
             'h/1/1', false)",
            id(n)
        )
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    let sql = format!(
        "insert into ly2_job_runs (id, job_id, status, reason, error, triggered_by, queued_at, started_at, finished_at, \
         step_count, log_level, params, overrides, owner, exclusive) values {rows}"
    );
    bench.execute(&sql).await.unwrap();
    bench.execute("analyze ly2_job_runs").await.unwrap();
}

/// What a page offers, alone and together.
fn filters() -> Vec<(&'static str, RunFilter)> {
    let open = || RunFilter { limit: 300, ..RunFilter::default() };
    let jobs = |jobs: &[&str]| jobs.iter().map(|job| job_id(job)).collect::<Vec<JobId>>();
    let by = |triggers: &[&str]| triggers.iter().map(|trigger| (*trigger).to_owned()).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    let span = (Some(at(2_000_000)), Some(at(2_500_000)));
    let failed = vec![RunStatus::Failed];
    let many: Vec<JobId> = (0..40).map(|n| job_id(&format!("job-{n}"))).collect();
    vec![
        ("all", open()),
        ("before", RunFilter { before: Some(id(4_500)), ..open() }),
        ("rare job", RunFilter { jobs: jobs(&["rare_job", "nobody", "rare_job"]), ..open() }),
        ("jobs", RunFilter { jobs: jobs(&["job-1", "job-2", "rare_job"]), ..open() }),
        ("many jobs", RunFilter { jobs: many.clone(), ..open() }),
        ("states", RunFilter { statuses: vec![RunStatus::Failed, RunStatus::Skipped], ..open() }),
        ("no state", RunFilter { statuses: vec![RunStatus::Running], ..open() }),
        ("failed of a job", RunFilter { statuses: failed.clone(), jobs: jobs(&["job-3"]), ..open() }),
        ("api", RunFilter { triggers: by(&["api"]), ..open() }),
        ("people", RunFilter { triggers: by(&["user"]), ..open() }),
        ("bob, api", RunFilter { triggers: by(&["user:bob", "api"]), ..open() }),
        ("schedules", RunFilter { triggers: by(&["cron"]), ..open() }),
        ("no trigger", RunFilter { triggers: by(&["it's", ""]), ..open() }),
        ("from to", RunFilter { from: span.0, to: span.1, ..open() }),
        ("from", RunFilter { from: Some(at(8_000_000)), ..open() }),
        ("to", RunFilter { to: Some(at(1_000_000)), ..open() }),
        ("error", RunFilter { text: text("REFUSED"), ..open() }),
        ("reason", RunFilter { text: text("job-7 GOES"), ..open() }),
        ("job or reason", RunFilter { text: text("job-7"), ..open() }),
        ("jobs of a text", RunFilter { text: text("JOB-"), ..open() }),
        ("text of chosen jobs", RunFilter { text: text("rare"), jobs: many, ..open() }),
        ("no text", RunFilter { text: text("no-such"), ..open() }),
        ("an id", RunFilter { text: text(&id(77).to_string().to_uppercase()), ..open() }),
        ("part of ids", RunFilter { text: text(&id(77).to_string()[3..]), ..open() }),
        ("length", RunFilter { min_seconds: Some(5.0), ..open() }),
        ("no length", RunFilter { min_seconds: Some(900.0), ..open() }),
        (
            "everything",
            RunFilter {
                statuses: failed,
                triggers: by(&["cron", "api"]),
                text: text("refused"),
                min_seconds: Some(2.0),
                from: Some(at(500_000)),
                to: Some(at(8_500_000)),
                jobs: jobs(&["job-3", "job-13", "job-43"]),
                ..open()
            },
        ),
    ]
}

pub(super) async fn pages_of_every_filter_are_every_run_of_it_once(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    fill(bench).await;
    for (name, filter) in filters() {
        let plain = store.list_runs(&RunFilter { limit: 2 * RUNS, ..filter.clone() }).await.unwrap();
        let expected: Vec<RunId> = plain.iter().map(|run| run.id).collect();
        for patience in [NONE, LONG] {
            let (mut listed, mut asked, mut cut) = (Vec::new(), filter.clone(), 0);
            loop {
                let found = history.find_runs(&asked, patience).await.unwrap();
                assert!(found.runs.len() <= 300 && (!found.is_cut || found.next.is_some()), "{name}");
                listed.extend(found.runs.iter().map(|run| run.id));
                cut += u32::from(found.is_cut);
                let Some(next) = found.next else { break };
                assert!(asked.before.is_none_or(|before| next < before), "{name} gets on");
                asked.before = Some(next);
            }
            assert_eq!(listed, expected, "{name}");
            match name {
                // Nothing but looking at each run tells.
                "no length" => assert_eq!(cut, if patience == NONE { 2 } else { 0 }),
                "rare job" | "no state" | "failed of a job" | "api" | "people" | "from to" | "to" | "error"
                | "no text" | "an id" | "everything" => assert_eq!(cut, 0, "{name}"),
                _ => assert!(patience == NONE || cut == 0, "{name}"),
            }
        }
        let drawn = history.draw_runs(&filter, 2 * RUNS, 120, LONG).await.unwrap();
        let found: Vec<RunId> = drawn.runs.iter().map(|run| run.id).collect();
        let older = filter.before.map_or(expected, |_| found.clone());
        assert_eq!((drawn.total, found, drawn.searched_to), (older.len() as u64, older, None), "{name}");
        let counted = history.draw_runs(&filter, 0, 120, LONG).await.unwrap();
        assert_eq!(counted.cells.iter().map(|cell| cell.count).sum::<u64>(), drawn.total, "{name}");
    }
    let hasty = history.draw_runs(&RunFilter::default(), 0, 120, NONE).await.unwrap();
    assert!(hasty.total < u64::from(RUNS), "one look is not all");
    assert_eq!(hasty.searched_to, Some(id(RUNS - u32::try_from(hasty.total).unwrap())));
}

/// Ids went on from where the clock had been.
pub(super) async fn runs_from_after_a_clock_was_set_back_are_found_by_their_time(bench: &Bench) {
    let (store, history) = bench.open_history().await;
    let hour = 3_600_000;
    let mut late = bench.new_run("a");
    late.id = RunId::from_parts(at(9 * hour).timestamp_millis() as u64, 1);
    late.queued_at = at(hour);
    store.record_fire(&late).await.unwrap();
    store.note_clock_set_back(at(0), at(9 * hour)).await.unwrap();
    let find = async |from: i64, to: i64| {
        let filter = RunFilter { from: Some(at(from)), to: Some(at(to)), limit: 10, ..RunFilter::default() };
        history.find_runs(&filter, LONG).await.unwrap().runs.len()
    };
    assert_eq!((find(hour, hour + 1).await, find(0, hour).await, find(8 * hour, 10 * hour).await), (1, 0, 0));
}

/// The plans of every statement of a filter, as one text.
async fn plans(conn: &mut Conn<'_>, filter: &RunFilter) -> Vec<(String, String)> {
    let statements = Walk::begin(conn, filter, NONE).await.unwrap().statements(conn);
    let (explain, column) = match conn {
        Conn::Sqlite(_) => ("explain query plan", "detail"),
        Conn::Postgres(..) => ("explain", "QUERY PLAN"),
    };
    let mut plans = Vec::new();
    for (sql, binds) in statements {
        let binds: Vec<Bind<'_>> = binds;
        let rows = conn.fetch_all(&format!("{explain} {sql}"), &binds).await.unwrap();
        plans.push((sql, rows.iter().map(|row| row.text(column).unwrap() + "\n").collect()));
    }
    plans
}

pub(super) async fn no_filter_reads_more_of_the_history_than_an_index_leads_to(bench: &Bench) {
    bench.open().await.close().await;
    fill(bench).await;
    let check = async |conn: &mut Conn<'_>, unwanted: &[&str]| {
        for (name, filter) in filters() {
            for (sql, plan) in plans(conn, &filter).await {
                // The one row with an id is sorted by PostgreSQL, whatever it costs.
                let is_fine = |word: &str| name == "an id" && word.starts_with("Sort");
                let found = unwanted.iter().find(|word| plan.contains(**word) && !is_fine(word));
                assert_eq!(found, None, "{name}: {sql}\n{plan}");
            }
        }
    };
    match Target::parse(&bench.url, &bench.home).unwrap() {
        Target::Sqlite(path) => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            check(&mut Conn::Sqlite(&mut conn), &["SCAN ly2_job_runs", "TEMP B-TREE"]).await;
            conn.close().await.unwrap();
        }
        Target::Postgres { options, .. } => {
            let mut conn = PgConnection::connect_with(&options).await.unwrap();
            let mut watch = Watch::lasting(OPERATION);
            let mut conn_of = Conn::Postgres(&mut conn, &mut watch);
            // Of a few thousand rows reading all is the quicker way; what is asked here is whether there is another one.
            conn_of
                .script("set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off")
                .await
                .unwrap();
            check(&mut conn_of, &["Seq Scan on ly2_job_runs", "Sort  ("]).await;
            conn.close().await.unwrap();
        }
    }
}
