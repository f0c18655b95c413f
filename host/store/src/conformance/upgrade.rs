//! A store with rows of the schema before.

use host_model::search::{LineSearch, Words};
use host_model::transition::{LOST_IN_RESTART, RunChange};
use host_model::{RunId, RunStatus};
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::{Bench, at, claim, claimer, get, took};
use crate::loan::{OPERATION, Watch};
use crate::migrate;
use crate::sql::Conn;
use crate::url::Target;

const ROWS: &str = "
    insert into ly2_job_runs (id, job_id, status, triggered_by, queued_at, started_at, finished_at, step_count, log_level,
        params, overrides, owner, exclusive, waits) values
        ('0000000000001', 'done', 'SUCCEEDED', 'cron', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z',
         '2026-01-01T00:00:01.000Z', 1, 'INFO', '{}', '{}', 'host/7/7', true, false),
        ('0000000000002', 'busy', 'RUNNING', 'cron', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', null, 1,
         'INFO', '{}', '{}', 'host/7/7', true, false),
        ('0000000000003', 'next', 'QUEUED', 'cron', '2026-01-01T00:00:00.000Z', null, null, 1, 'INFO', '{}', '{}',
         'host/7/7', true, true);
    insert into ly2_step_runs (run_id, step_index, attempt, step_name, step_type, status, started_at) values
        ('0000000000002', 0, 1, 'only', 'python', 'RUNNING', '2026-01-01T00:00:00.000Z');
    insert into ly2_jobs_lock (id, holder, term, heartbeat_at, paused_by, paused_at, pause_reason) values
        (1, '', 1, '1970-01-01T00:00:00.000Z', 'user:ann', '2026-01-01T00:00:00.000Z', 'moving');";

/// The schema before replicas, in an empty database.
async fn prepare(bench: &Bench) {
    match Target::parse(&bench.url, &bench.home).unwrap() {
        Target::Sqlite(path) => {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
            let mut conn = SqliteConnection::connect_with(&options).await.unwrap();
            migrate::migrate_through(&mut Conn::Sqlite(&mut conn), "before", 4).await.unwrap();
            conn.close().await.unwrap();
        }
        Target::Postgres { options, .. } => {
            let mut conn = PgConnection::connect_with(&options).await.unwrap();
            let mut watch = Watch::lasting(OPERATION);
            migrate::migrate_through(&mut Conn::Postgres(&mut conn, &mut watch), "before", 4).await.unwrap();
            conn.close().await.unwrap();
        }
    }
    bench.execute(ROWS).await.unwrap();
}

pub(super) async fn runs_of_the_schema_before_are_still_readable(bench: &Bench) {
    prepare(bench).await;
    let store = bench.open().await;
    let id = |n| RunId::parse(&format!("000000000000{n}")).unwrap();
    for (n, status) in [(1, RunStatus::Succeeded), (2, RunStatus::Running), (3, RunStatus::Queued)] {
        let run = get(&*store, id(n)).await;
        assert_eq!((run.status, run.owner(), run.placement.as_str()), (status, "host/7/7".into(), "any"));
        assert_eq!(store.find_definition(run.id).await.unwrap(), None);
    }
    assert_eq!(store.list_owners().await.unwrap(), ["host/7/7"]);
    assert!(claim(&*store, &claimer(&*store, "host/8/8", 9).await).await.is_empty());
    // Recovery ends what was in flight: an owner of the version before was in term 1.
    for n in [2, 3] {
        took(&*store, &[RunChange::abandon(id(n), "host/7/7", at(1)).into()]).await;
        assert_eq!(get(&*store, id(n)).await.reason.as_deref(), Some(LOST_IN_RESTART));
    }
    assert_eq!(store.find_pause().await.unwrap().unwrap().by, "user:ann");
    assert_eq!(store.take_lease("host/8/8", None, at(2)).await.unwrap(), Some(2));
    bench.running(&*store, "busy").await;
}

pub(super) async fn log_lines_of_the_schema_before_become_searchable(bench: &Bench) {
    prepare(bench).await;
    let lines = "insert into ly2_job_logs (run_id, seq, at, level, attempt, message) values
        ('0000000000001', 0, '2026-01-01T00:00:00.000Z', 'INFO', 0, 'an older line'),
        ('0000000000002', 0, '2026-01-01T00:00:00.000Z', 'INFO', 0, 'an old line')";
    bench.execute(lines).await.unwrap();
    let roles = crate::open_roles(&bench.url, &bench.home).await.unwrap();
    let words = Words::parse("line").unwrap();
    let asked = LineSearch { words, jobs: None, level: None, from: None, to: None, before: None, limit: 9 };
    let found = roles.search.search(&asked).await.unwrap();
    assert!(found.hits.is_empty() && found.indexed_from.is_some());
    while roles.search.index_older(100).await.unwrap() {}
    let found = roles.search.search(&asked).await.unwrap();
    let texts: Vec<&str> = found.hits.iter().map(|hit| hit.line.message.as_str()).collect();
    assert_eq!((texts, found.indexed_from), (vec!["an old line", "an older line"], None));
}
