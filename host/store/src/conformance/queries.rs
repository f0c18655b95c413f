//! Listing runs.

use host_model::fire::Recorded;
use host_model::run::RunFilter;
use host_model::transition::RunChange;
use host_model::{RunId, RunStatus};

use super::{Bench, ME, at, job_id, took};

fn ids(runs: Vec<host_model::Run>) -> Vec<RunId> {
    runs.into_iter().map(|run| run.id).collect()
}

pub(super) async fn runs_are_listed_newest_first_by_page(bench: &Bench) {
    let store = bench.open().await;
    let mut expected = Vec::new();
    for n in 0..25 {
        expected.push(bench.queued(&*store, &format!("job-{n}")).await.id);
    }
    expected.reverse();
    let mut listed = Vec::new();
    let mut filter = RunFilter { limit: 10, ..RunFilter::default() };
    loop {
        let page = ids(store.list_runs(&filter).await.unwrap());
        assert!(page.len() <= 10);
        let Some(last) = page.last().copied() else { break };
        listed.extend(page);
        filter.before = Some(last);
    }
    assert_eq!(listed, expected);
}

pub(super) async fn a_filter_takes_all_conditions_together(bench: &Bench) {
    let store = bench.open().await;
    let mut all = Vec::new();
    for n in 0..6 {
        let new = bench.running(&*store, ["a", "b", "c"][n % 3]).await;
        if n < 3 {
            took(&*store, &[RunChange::succeed(new.id, ME, at(50)).into()]).await;
        }
        all.push(new);
    }
    let filter = |jobs: &[&str], statuses: &[RunStatus]| RunFilter {
        jobs: jobs.iter().map(|job| job_id(job)).collect(),
        statuses: statuses.to_vec(),
        limit: 100,
        ..RunFilter::default()
    };
    let list = async |filter: RunFilter| ids(store.list_runs(&filter).await.unwrap());
    let (running, succeeded) = (RunStatus::Running, RunStatus::Succeeded);
    let id = |n: usize| all[n].id;
    assert_eq!(list(filter(&["a"], &[])).await, [id(3), id(0)]);
    assert_eq!(list(filter(&["a", "c"], &[running])).await, [id(5), id(3)]);
    assert_eq!(list(filter(&[], &[succeeded])).await, [id(2), id(1), id(0)]);
    assert_eq!(list(filter(&["a"], &[running, succeeded])).await, [id(3), id(0)]);
    assert!(list(filter(&["nowhere"], &[])).await.is_empty());
    let bounded = RunFilter { from: Some(all[1].queued_at), to: Some(all[4].queued_at), ..filter(&["a", "b"], &[]) };
    assert_eq!(list(bounded.clone()).await, [id(3), id(1)]);
    assert_eq!(list(RunFilter { before: Some(id(3)), ..bounded.clone() }).await, [id(1)]);
    assert_eq!(list(RunFilter { statuses: vec![succeeded], ..bounded.clone() }).await, [id(1)]);
    assert!(list(RunFilter { limit: 0, ..bounded }).await.is_empty());
}

pub(super) async fn the_latest_run_of_a_job_is_rather_one_that_ran(bench: &Bench) {
    let store = bench.open().await;
    let latest_of = async |jobs: &[&str]| {
        let jobs: Vec<_> = jobs.iter().map(|job| job_id(job)).collect();
        ids(store.list_latest_runs(&jobs).await.unwrap())
    };
    assert_eq!((latest_of(&[]).await, latest_of(&["a"]).await), (Vec::new(), Vec::new()));
    let old = bench.running(&*store, "a").await;
    took(&*store, &[RunChange::succeed(old.id, ME, at(3)).into()]).await;
    let latest = bench.running(&*store, "a").await;
    for _ in 0..3 {
        assert_eq!(store.record_fire(&bench.new_run("a")).await.unwrap(), Recorded::Skipped { active: latest.id });
    }
    let alone = bench.queued(&*store, "B").await;
    let also = bench.queued(&*store, "a-b").await;
    assert_eq!(latest_of(&[]).await, [alone.id, latest.id, also.id]);
    assert_eq!(latest_of(&["a-b", "nowhere", "a"]).await, [latest.id, also.id]);
    // A job that was never more than skipped still has a latest run.
    let skipped = bench.new_run("a");
    assert!(matches!(store.record_fire(&skipped).await.unwrap(), Recorded::Skipped { .. }));
    bench.execute("delete from ly2_job_runs where job_id = 'a' and status <> 'SKIPPED'").await.unwrap();
    assert_eq!(latest_of(&[]).await, [alone.id, skipped.id, also.id]);
    assert_eq!(latest_of(&["a"]).await, [skipped.id]);
}

pub(super) async fn an_unknown_run_is_nothing(bench: &Bench) {
    let store = bench.open().await;
    let nowhere = RunId::from_parts(1, 1);
    assert!(store.find_run(nowhere).await.unwrap().is_none());
    assert!(store.list_steps(nowhere).await.unwrap().is_empty());
    assert!(store.list_logs(nowhere, 0, 10).await.unwrap().is_empty());
    assert!(store.list_slots(&job_id("nowhere"), 10).await.unwrap().is_empty());
}

pub(super) async fn a_store_answers_a_ping_until_it_is_closed(bench: &Bench) {
    let store = bench.open().await;
    store.ping().await.unwrap();
    assert!(["sqlite", "postgres"].contains(&store.dialect()));
    store.close().await;
    assert!(store.ping().await.is_err());
}
