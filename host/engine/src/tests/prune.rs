//! The built-in retention job.

use super::*;
use crate::{PruneRunner, internal_jobs};
use chrono::TimeDelta;
use host_model::fire::{NewRun, Slot, SlotOutcome, SlotRecord};
use host_model::log::LogLine;
use host_model::port::Clock as _;
use host_model::run::RunStatus;
use host_model::transition::RunChange;

const ID: &str = "_internal-prune-runs";

/// An engine whose runs live in `bench.store`, keeping `days` days.
async fn pruning_bench(days: u32) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let plain = parts(store.clone(), internal_jobs(chrono_tz::Tz::Europe__Paris));
    let runners = Runners::new().with("prune_runs", Arc::new(PruneRunner::new(store.clone(), days)));
    let engine = Engine::start(EngineParts { runners, ..plain }).await.unwrap();
    Bench { engine, store, folder }
}

/// Records a run of two steps and 30 log rows, accepted `days` days ago, still in flight unless it `ends` at once.
async fn run_of(store: &dyn Store, days: i64, ends: bool) -> RunId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    let at = SystemClock.now() - TimeDelta::days(days);
    let id = RunId::from_parts(at.timestamp_millis() as u64, number);
    let new = NewRun { queued_at: at, ..new_run(id, &format!("job-{number}")) };
    store.record_fire(&new).await.unwrap();
    let slot = Slot { job_id: JobId::new("job").unwrap(), schedule: "default".into(), due_at: at };
    let outcome = SlotOutcome::Fired;
    let fired = SlotRecord { slot, outcome, reason: None, run_id: Some(id), decided_at: at };
    assert!(store.record_slot(&fired).await.unwrap());
    let line = |seq| LogLine {
        run_id: new.id,
        seq,
        at,
        level: LogLevel::Info,
        step: None,
        attempt: 0,
        message: "said".into(),
    };
    store.append_logs(&(0..30).map(line).collect::<Vec<_>>()).await.unwrap();
    if ends {
        let end =
            [RunChange::start(new.id, &*new.owner, at).into(), RunChange::succeed(new.id, &*new.owner, at).into()];
        store.apply(&end).await.unwrap();
    }
    new.id
}

#[test]
fn the_built_in_jobs_are_complete_and_their_names_reserved() {
    let jobs = internal_jobs(chrono_tz::Tz::Europe__Paris);
    let [job] = jobs.as_slice() else { panic!("{jobs:?}") };
    assert_eq!(
        (job.id.as_str(), job.app.as_str(), job.tags.as_slice()),
        (ID, "_internal", &["internal".to_owned()][..])
    );
    assert!(job.id.as_str().starts_with(host_model::job::INTERNAL_PREFIX));
    let after = "2026-11-22T12:00:00Z".parse().unwrap();
    let next = job.schedules[0].spec.next_after(after).unwrap();
    assert_eq!(next.to_rfc3339(), "2026-11-23T02:00:00+00:00", "three in the morning in Paris");
    assert!(!StepSpec::TYPES.contains(&job.steps[0].spec.type_name()), "no file may say it");
}

#[tokio::test]
async fn what_is_older_than_the_window_goes_and_the_counts_are_in_the_output() {
    let bench = pruning_bench(90).await;
    let mut old = Vec::new();
    for days in [400, 200, 91] {
        old.push(run_of(&*bench.store, days, true).await);
    }
    let young = run_of(&*bench.store, 89, true).await;
    let in_flight = run_of(&*bench.store, 300, false).await;
    let run = bench.fire(ID).await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.rows_affected), (RunStatus::Succeeded, 90 + 6 + 3 + 4));
    let cutoff = done.queued_at - TimeDelta::days(90);
    let output = Json::from(bench.steps(run).await[0].output.clone().unwrap());
    let expected = json!({
        "history_days": 90,
        "cutoff": cutoff.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "log_rows": 90,
        "step_rows": 6,
        "run_rows": 3,
        "slot_rows": 4,
    });
    assert_eq!(output, expected);
    for run in old {
        assert!(bench.store.find_run(run).await.unwrap().is_none());
        assert!(bench.log(run).await.is_empty());
    }
    for run in [young, in_flight] {
        assert_eq!((bench.log(run).await.len(), bench.steps(run).await.len()), (30, 2));
    }
    let log = bench.log(run).await;
    for part in ["90 days are kept", "pass 1: 90 log rows removed", "pass 2: 6 step rows, 3 run rows and 4 slot rows"] {
        assert!(log.iter().any(|line| line.contains(part)), "{part}: {log:?}");
    }
}

#[tokio::test]
async fn pruning_again_removes_nothing_more() {
    let bench = pruning_bench(30).await;
    run_of(&*bench.store, 31, true).await;
    for expected in [30 + 2 + 1, 0] {
        let run = bench.fire(ID).await;
        assert_eq!(bench.finished(run).await.rows_affected, expected);
    }
}

#[tokio::test]
async fn a_store_that_fails_is_asked_again_by_the_jobs_policy() {
    let bench = pruning_bench(30).await;
    let broken: Arc<dyn Store> = {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.close().await;
        store
    };
    let mut job = internal_jobs(chrono_tz::Tz::UTC).remove(0);
    job.retry.base_seconds = 0;
    let runners = Runners::new().with("prune_runs", Arc::new(PruneRunner::new(broken, 30)));
    let plain = parts(bench.store.clone(), vec![job]);
    let presence = presence_of("another-machine/1/1");
    let engine = Engine::start(EngineParts { runners, presence, ..plain }).await.unwrap();
    let bench = Bench { engine, ..bench };
    let run = bench.fire(ID).await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Failed);
    assert_eq!(bench.states(run).await.len(), 3, "three attempts");
    assert!(bench.log(run).await.iter().any(|line| line.contains("stopped early; removed until then: 0 log rows")));
}

#[tokio::test]
async fn a_scheduled_pruning_stays_with_the_process_whose_settings_say_how_much_is_kept() {
    let mut job = internal_jobs(chrono_tz::Tz::UTC).remove(0);
    job.schedules[0].spec = every("1s").spec;
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let runners = Runners::new().with("prune_runs", Arc::new(PruneRunner::new(store.clone(), 30)));
    let plain = parts(store.clone(), vec![job]);
    let _engine = Engine::start(EngineParts { runners, presence: presence(8, true), ..plain }).await.unwrap();
    let all = host_model::run::RunFilter { limit: 10, ..Default::default() };
    for _ in 0..400 {
        if let Some(run) = store.list_runs(&all).await.unwrap().first() {
            assert_eq!(run.placement, format!("here:{}", owner_id()));
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it was not fired");
}
