//! A store that fails in the middle: nothing is lost, nothing counts twice, nothing hangs for ever.

use super::faults::faulty_bench;
use super::*;
use crate::DispatchError;
use host_model::fire::SlotOutcome;
use host_model::run::{RunFilter, RunStatus};

fn request(job: &str) -> FireRequest {
    FireRequest::manual(JobId::new(job).unwrap(), Trigger::Api)
}

/// Waits until `condition` holds for the latest run of all.
async fn latest_run(bench: &Bench, what: &str, condition: impl Fn(&Run) -> bool) -> Run {
    let filter = RunFilter { limit: 1, ..RunFilter::default() };
    for _ in 0..600 {
        match bench.store.list_runs(&filter).await.unwrap().pop() {
            Some(run) if condition(&run) => return run,
            _ => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
    panic!("waited in vain for: {what}");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_counts_once() {
    let mut flaky = step("flaky", "fail-first:1");
    flaky.retry = Some(RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 });
    let mut off = step("off", "echo");
    off.enabled = false;
    let (bench, faulty) = faulty_bench(vec![job("j", vec![flaky, off, step("b", "lines:3")])]).await;
    let run = bench.fire("j").await;
    faulty.lose_every_other.store(true, Ordering::SeqCst);
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.steps_done, done.rows_affected), (RunStatus::Succeeded, 3, 4));
    let expected = ["flaky/1 FAILED", "flaky/2 SUCCEEDED", "off/1 CANCELED skipped: disabled", "b/1 SUCCEEDED"];
    assert_eq!(bench.states(run).await, expected);
    let log = bench.log(run).await;
    assert_eq!(log.iter().filter(|l| l.starts_with("line ")).count(), 3, "{log:?}");
}

#[tokio::test]
async fn a_slot_whose_answer_was_lost_fires_once() {
    let mut ticking = job("j", vec![step("a", "echo")]);
    ticking.schedules.push(every("1h"));
    let (bench, faulty) = faulty_bench(vec![ticking, job("other", vec![step("a", "echo")])]).await;
    let due = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    faulty.lose.store(1, Ordering::SeqCst);
    let slot = FireRequest { slot: Some(("default".into(), due)), trigger: Trigger::Cron, ..request("j") };
    let run = bench.engine.fire(slot.clone()).await.unwrap().run_id;
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
    let slots = bench.store.list_slots(&slot.job_id, 10).await.unwrap();
    assert_eq!((slots.len(), slots[0].outcome, slots[0].run_id), (1, SlotOutcome::Fired, Some(run)));
    let again = bench.engine.fire(slot).await;
    assert!(matches!(again, Err(DispatchError::SlotTaken { .. })), "{again:?}");
}

#[tokio::test]
async fn a_skipped_slot_whose_answer_was_lost_is_still_told_as_skipped() {
    let mut ticking = job("j", vec![step("a", "hang")]);
    ticking.schedules.push(every("1h"));
    let (bench, faulty) = faulty_bench(vec![ticking]).await;
    let first = bench.fire("j").await;
    bench.heard(first, "hanging").await;
    faulty.lose.store(1, Ordering::SeqCst);
    let due = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let slot = FireRequest { slot: Some(("default".into(), due)), trigger: Trigger::Cron, ..request("j") };
    let Err(DispatchError::AlreadyRunning { active, skipped, .. }) = bench.engine.fire(slot).await else {
        panic!("it is skipped");
    };
    assert_eq!((active, bench.run(skipped).await.status), (first, RunStatus::Skipped));
    bench.engine.cancel(first, "api").await.unwrap();
    bench.finished(first).await;
}

#[tokio::test]
async fn a_fire_that_was_refused_for_a_lost_answer_neither_runs_nor_blocks_its_job() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "echo")])]).await;
    faulty.lose.store(1, Ordering::SeqCst);
    let refused = bench.engine.fire(request("j")).await;
    assert!(matches!(refused, Err(DispatchError::Store(_))), "{refused:?}");
    let run = latest_run(&bench, "the run is withdrawn", |run| run.status.is_final()).await;
    assert_eq!(run.status, RunStatus::Canceled);
    assert_eq!(bench.states(run.id).await, ["a/1 CANCELED skipped: run canceled"]);
    let next = bench.fire("j").await;
    assert_eq!(bench.finished(next).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_run_that_nobody_runs() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "echo")])]).await;
    let hold = faulty.turn.lock().await;
    let gone = tokio::time::timeout(Duration::from_millis(50), bench.engine.fire(request("j"))).await;
    assert!(gone.is_err(), "the store has not answered yet");
    drop(hold);
    let run = latest_run(&bench, "the run ends", |run| run.status.is_final()).await;
    assert_eq!(run.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_store_that_comes_back_finds_the_run_waiting_for_it() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "hang")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    bench.engine.cancel(run, "api").await.unwrap();
    faulty.away.store(true, Ordering::SeqCst);
    let waits = tokio::time::timeout(Duration::from_millis(200), bench.engine.wait_idle()).await;
    assert!(waits.is_err(), "the run's end is not recorded yet");
    faulty.away.store(false, Ordering::SeqCst);
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.reason.as_deref()), (RunStatus::Canceled, Some("canceled by api")));
    assert_eq!(bench.log(run).await.last().unwrap(), "run canceled by api");
}

#[tokio::test]
async fn a_store_that_is_away_for_ever_does_not_hold_a_shutdown_for_ever() {
    let mut ticking = job("tick", vec![step("a", "echo")]);
    ticking.schedules.push(every("1h"));
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "hang")]), ticking]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    faulty.away.store(true, Ordering::SeqCst);
    // A slot waits for the store too, and holds the door by which runs begin.
    let due = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let slot = FireRequest { slot: Some(("default".into(), due)), trigger: Trigger::Cron, ..request("tick") };
    let engine = bench.engine.clone();
    let waiting = tokio::spawn(async move { engine.fire(slot).await });
    let hurry = CancelToken::new();
    let stop = bench.engine.shutdown(Duration::from_millis(50), &hurry);
    tokio::time::timeout(Duration::from_secs(20), stop).await.expect("the shutdown ends");
    assert!(waiting.await.unwrap().is_err());
    assert_eq!(bench.run(run).await.status, RunStatus::Running, "left for the recovery of the next start");
}

#[tokio::test]
async fn a_run_whose_task_panics_is_failed_with_all_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut bad = step("bad", "echo");
    bad.op_kwargs = map(json!({"x": "${env.CITY}"}));
    let jobs = vec![job("j", vec![step("a", "echo"), bad, step("c", "echo")])];
    let broken = EngineParts { env: Arc::new(|_| panic!("no environment")), ..parts(store.clone(), jobs) };
    let bench = Bench { engine: Engine::start(broken).await.unwrap(), store, folder };
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    let why = "the run's task panicked: no environment";
    assert_eq!((done.status, done.reason.as_deref()), (RunStatus::Failed, Some(why)));
    assert!(bench.steps(run).await.iter().all(|s| s.status.is_final()), "{:?}", bench.states(run).await);
}
