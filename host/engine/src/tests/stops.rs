//! Runs that are stopped: cancel, timeouts, panics, shutdown, restart; and schedules.

use super::*;
use host_model::fire::SlotOutcome;
use host_model::port::CancelMark;
use host_model::run::RunStatus;

#[tokio::test]
async fn a_cancelled_run_stops_its_step_and_names_who_asked() {
    let bench = bench(vec![job("j", vec![step("a", "hang"), step("b", "echo")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    let asked = std::time::Instant::now();
    assert_eq!(bench.engine.cancel(run, "user:alice").await.unwrap(), CancelMark::Marked);
    let done = bench.finished(run).await;
    assert!(asked.elapsed() < Duration::from_secs(2));
    assert_eq!((done.status, done.reason.as_deref()), (RunStatus::Canceled, Some("canceled by user:alice")));
    assert_eq!(bench.states(run).await, ["a/1 CANCELED canceled by user:alice", "b/1 CANCELED skipped: run canceled"]);
    assert_eq!(bench.log(run).await.last().unwrap(), "run canceled by user:alice");
    let late = bench.engine.cancel(run, "user:bob").await.unwrap();
    assert_eq!(late, CancelMark::AlreadyFinal(RunStatus::Canceled));
}

#[tokio::test]
async fn a_runner_that_does_not_listen_is_abandoned() {
    let bench = bench(vec![job("j", vec![step("a", "deaf")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "started").await;
    bench.engine.cancel(run, "api").await.unwrap();
    assert_eq!(bench.finished(run).await.status, RunStatus::Canceled);
}

#[tokio::test]
async fn a_mark_set_by_another_process_is_found() {
    let bench = bench(vec![job("j", vec![step("a", "hang")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    // Another process has its own handle on the store and no way into this engine.
    let other = open(&bench.folder).await;
    other.request_cancel(run, "cli:carol", host_model::Instant::default()).await.unwrap();
    other.close().await;
    let done = bench.finished(run).await;
    assert_eq!(done.reason.as_deref(), Some("canceled by cli:carol"));
}

#[tokio::test]
async fn a_step_that_passes_its_timeout_fails_and_may_be_retried() {
    let mut slow = step("slow", "hang");
    slow.timeout_seconds = 1;
    slow.retry = Some(RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 });
    let bench = bench(vec![job("j", vec![slow])]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!(done.error.as_deref(), Some("step `slow`: timed out after 1 s"));
    assert_eq!(bench.states(run).await, ["slow/1 FAILED", "slow/2 FAILED"]);
    assert_eq!(bench.steps(run).await[0].error.as_ref().unwrap().kind, StepErrorKind::Timeout);
}

#[tokio::test]
async fn a_job_that_passes_its_timeout_fails() {
    let mut long = job("j", vec![step("a", "hang"), step("b", "echo")]);
    long.timeout_seconds = Some(1);
    let bench = bench(vec![long]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.error.as_deref()), (RunStatus::Failed, Some("job timed out after 1 s")));
}

#[tokio::test]
async fn a_panic_in_a_step_fails_that_run_and_nothing_else() {
    let bench = bench(vec![job("bad", vec![step("a", "panic")]), job("good", vec![step("a", "echo")])]).await;
    let bad = bench.fire("bad").await;
    let good = bench.fire("good").await;
    assert_eq!(bench.finished(bad).await.error.as_deref(), Some("step `a`: the step panicked: boom"));
    assert_eq!(bench.run(good).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_shutdown_lets_runs_finish_then_cancels_and_takes_no_more() {
    let bench = bench(vec![job("j", vec![step("a", "hang")]), job("k", vec![step("a", "echo")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    bench.engine.shutdown(Duration::from_millis(50), &CancelToken::new()).await;
    let done = bench.run(run).await;
    assert_eq!((done.status, done.reason.as_deref()), (RunStatus::Canceled, Some("canceled by shutdown")));
    let refused = bench.engine.fire(FireRequest::manual(JobId::new("k").unwrap(), Trigger::Api)).await;
    assert!(matches!(refused, Err(crate::DispatchError::ShuttingDown)));
}

#[tokio::test]
async fn a_restart_fails_runs_of_dead_owners_and_leaves_living_ones_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let jobs = || vec![job("j", vec![step("a", "hang"), step("b", "echo")]), job("k", vec![step("a", "hang")])];
    let dead = EngineParts { presence: presence_of("nowhere/1/1"), ..parts(store.clone(), jobs()) };
    let first = Bench { engine: Engine::start(dead).await.unwrap(), store: store.clone(), folder };
    let lost = first.fire("j").await;
    first.heard(lost, "hanging").await;
    let living = EngineParts { presence: presence_of("elsewhere/1/1"), ..parts(store.clone(), jobs()) };
    let second = Engine::start(EngineParts { is_owner_alive: |_| true, ..living }).await.unwrap();
    let kept = second.fire(FireRequest::manual(JobId::new("k").unwrap(), Trigger::Api)).await.unwrap().run_id;
    let third = EngineParts { is_owner_alive: |o| o.starts_with("elsewhere"), ..parts(store.clone(), jobs()) };
    Engine::start(third).await.unwrap();
    let run = first.run(lost).await;
    assert_eq!((run.status, run.reason.as_deref()), (RunStatus::Failed, Some("lost in restart")));
    assert_eq!(first.states(lost).await, ["a/1 FAILED", "b/1 CANCELED skipped: earlier step failed"]);
    assert!(!first.run(kept).await.status.is_final());
}

#[tokio::test]
async fn a_schedule_fires_by_itself_and_leaves_its_slots_in_the_ledger() {
    let mut ticking = job("tick", vec![step("a", "echo")]);
    ticking.schedules.push(every("1s"));
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let engine = Engine::start(EngineParts { presence: presence(8, true), ..parts(store.clone(), vec![ticking]) });
    let bench = Bench { engine: engine.await.unwrap(), store, folder };
    let id = JobId::new("tick").unwrap();
    let mut slots = Vec::new();
    for _ in 0..400 {
        slots = bench.store.list_slots(&id, 10).await.unwrap();
        if slots.len() >= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    bench.engine.shutdown(Duration::from_secs(5), &CancelToken::new()).await;
    assert!(slots.len() >= 2, "{slots:?}");
    assert!(slots.iter().all(|s| s.outcome == SlotOutcome::Fired && s.slot.due_at.timestamp_subsec_millis() == 0));
    let run = bench.run(slots[1].run_id.unwrap()).await;
    assert_eq!((run.triggered_by.as_str(), run.scheduled_at), ("cron", Some(slots[1].slot.due_at)));
}

#[tokio::test]
async fn a_job_timeout_that_ends_while_a_cancel_is_obeyed_does_not_make_it_a_failure() {
    let mut deaf = job("j", vec![step("a", "deaf")]);
    deaf.timeout_seconds = Some(1);
    let bench = bench(vec![deaf]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "started").await;
    bench.engine.cancel(run, "user:alice").await.unwrap();
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.reason.as_deref()), (RunStatus::Canceled, Some("canceled by user:alice")));
}

#[tokio::test]
async fn a_job_timeout_ends_the_wait_for_a_retry() {
    let mut job = job("j", vec![step("a", "fail"), step("b", "echo")]);
    job.timeout_seconds = Some(1);
    job.retry = RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 600 };
    let bench = bench(vec![job]).await;
    let run = bench.fire("j").await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.error.as_deref()), (RunStatus::Failed, Some("job timed out after 1 s")));
    let skipped = "CANCELED skipped: earlier step failed";
    assert_eq!(bench.states(run).await, ["a/1 FAILED".to_owned(), format!("a/2 {skipped}"), format!("b/1 {skipped}")]);
}

#[tokio::test]
async fn a_shutdown_ends_the_wait_for_a_retry_and_leaves_what_has_not_begun_to_the_next_start() {
    let mut waiting = job("j", vec![step("a", "fail")]);
    waiting.retry = RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 600 };
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let jobs = vec![waiting, job("k", vec![step("a", "echo")])];
    // No room at all would be a server that does nothing; it counts as room for one.
    let engine =
        Engine::start(EngineParts { presence: presence(0, false), ..parts(store.clone(), jobs) }).await.unwrap();
    let bench = Bench { engine, store, folder };
    let (retrying, queued) = (bench.fire("j").await, bench.fire("k").await);
    bench.heard(retrying, "attempt 2 of 2 in 600 s").await;
    bench.engine.shutdown(Duration::ZERO, &CancelToken::new()).await;
    let (retrying, queued) = (bench.run(retrying).await, bench.run(queued).await);
    assert_eq!((retrying.status, queued.status, queued.started_at), (RunStatus::Canceled, RunStatus::Queued, None));
    let plain = parts(bench.store.clone(), vec![]);
    let next = EngineParts { presence: presence_of("another-machine/1/1"), ..plain };
    let bench = Bench { engine: Engine::start(next).await.unwrap(), ..bench };
    assert_eq!(bench.finished(queued.id).await.status, RunStatus::Succeeded);
}

#[tokio::test]
async fn a_queued_run_can_be_cancelled_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let jobs = vec![job("j", vec![step("a", "hang")]), job("k", vec![step("a", "echo")])];
    let engine =
        Engine::start(EngineParts { presence: presence(1, false), ..parts(store.clone(), jobs) }).await.unwrap();
    let bench = Bench { engine, store, folder };
    let running = bench.fire("j").await;
    bench.heard(running, "hanging").await;
    let queued = bench.fire("k").await;
    bench.engine.cancel(queued, "api").await.unwrap();
    bench.heard(queued, "run canceled by api").await;
    bench.engine.cancel(running, "api").await.unwrap();
    let done = bench.finished(queued).await;
    assert_eq!((done.status, done.started_at), (RunStatus::Canceled, None));
}

#[tokio::test]
async fn a_runner_that_speaks_on_after_its_attempt_is_not_heard() {
    let bench = bench(vec![job("j", vec![step("a", "ghost")])]).await;
    let mut live = bench.engine.bus().subscribe(None).live;
    let run = bench.fire("j").await;
    bench.finished(run).await;
    // The ghost says its word once it sees that nobody holds it any more.
    let mut said = 0;
    for _ in 0..40 {
        while let Ok((_, event)) = live.try_recv() {
            said += usize::from(matches!(&*event, host_model::event::Event::Progress { .. }));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(said, 1, "the attempt's own progress only");
    assert_eq!(bench.log(run).await.last().unwrap(), "run succeeded");
}
