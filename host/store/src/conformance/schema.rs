//! What the schema itself refuses, whoever writes.

use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::transition::RunChange;

use super::{Bench, ME, at, started, took};

pub(super) async fn a_final_status_without_a_finish_is_refused(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    took(&*store, &[started(id, 0)]).await;
    for table in ["ly2_job_runs", "ly2_step_runs"] {
        let refused = bench.execute(&format!("update {table} set status = 'FAILED' where status = 'RUNNING'")).await;
        assert!(refused.is_err(), "{table}");
        let refused =
            bench.execute(&format!("update {table} set finished_at = started_at where status = 'RUNNING'")).await;
        assert!(refused.is_err(), "{table}");
        let fine = format!("update {table} set status = 'FAILED', finished_at = started_at where status = 'RUNNING'");
        bench.execute(&fine).await.unwrap();
    }
}

pub(super) async fn unknown_words_are_refused(bench: &Bench) {
    let store = bench.open().await;
    bench.running(&*store, "nightly").await;
    for sql in [
        "update ly2_job_runs set status = 'PAUSED'",
        "update ly2_job_runs set status = 'running'",
        "update ly2_job_runs set log_level = 'TRACE'",
        "update ly2_job_runs set id = 'short'",
        "update ly2_job_runs set owner = null",
        "update ly2_step_runs set status = 'WAITING'",
        "update ly2_step_runs set attempt = 0",
        "insert into ly2_jobs_lock (id, holder, term, heartbeat_at) values (2, 'x', 1, '2026-01-01T00:00:00.000Z')",
    ] {
        assert!(bench.execute(sql).await.is_err(), "{sql}");
    }
}

pub(super) async fn a_second_active_run_is_refused_by_the_database(bench: &Bench) {
    let store = bench.open().await;
    let first = bench.running(&*store, "nightly").await;
    took(&*store, &[RunChange::succeed(first.id, ME, at(1)).into()]).await;
    bench.queued(&*store, "nightly").await;
    let revive = format!("update ly2_job_runs set status = 'RUNNING', finished_at = null where id = '{}'", first.id);
    assert!(bench.execute(&revive).await.is_err());
}

pub(super) async fn a_second_running_run_is_refused_by_the_database(bench: &Bench) {
    let store = bench.open().await;
    for _ in 0..2 {
        let new = NewRun { overlap: Overlap::Queue, ..bench.new_run("nightly") };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    }
    assert!(bench.execute("update ly2_job_runs set status = 'RUNNING'").await.is_err());
}

pub(super) async fn steps_go_with_their_run(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.queued(&*store, "nightly").await.id;
    bench.execute(&format!("delete from ly2_job_runs where id = '{id}'")).await.unwrap();
    assert!(store.list_steps(id).await.unwrap().is_empty());
}
