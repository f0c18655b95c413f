//! Recording fires and slots.

use host_model::fire::{NewRun, Recorded, Replay, SlotOutcome, SlotRecord, still_running};
use host_model::job::Overlap;
use host_model::run::RunFilter;
use host_model::transition::{Applied, RunChange};
use host_model::{RunStatus, StepStatus};

use super::{Bench, ME, at, get, job_id, map, slot, step_name, took};

pub(super) async fn a_recorded_run_is_queued_with_every_step_pending(bench: &Bench) {
    let store = bench.open().await;
    let new = NewRun {
        overrides: map(r#"{"log_level":"DEBUG"}"#),
        slot: Some(slot("nightly", 5)),
        ..bench.new_run("nightly")
    };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let run = get(&*store, new.id).await;
    assert_eq!((run.id, &run.job_id, run.status), (new.id, &new.job_id, RunStatus::Queued));
    assert_eq!((run.owner(), &run.placement), (ME.into(), &new.placement));
    assert_eq!((run.reason, run.error, run.cancel_requested_by), (None, None, None));
    assert_eq!((run.triggered_by.as_str(), run.schedule.as_deref()), ("cron", Some("default")));
    assert_eq!((run.scheduled_at, run.queued_at), (Some(at(5)), new.queued_at));
    assert_eq!((run.started_at, run.finished_at), (None, None));
    assert_eq!((run.rows_affected, run.step_count, run.steps_done), (0, 2, 0));
    assert_eq!((run.log_level, run.params, run.overrides), (new.log_level, new.params, new.overrides));
    assert_eq!((run.replay_of, run.replay_from), (None, None));
    let steps = store.list_steps(new.id).await.unwrap();
    assert_eq!(steps.len(), 2);
    for (index, step) in steps.iter().enumerate() {
        assert_eq!((step.run_id, step.index as usize, step.attempt), (new.id, index, 1));
        assert_eq!((&step.name, step.step_type.as_str()), (&new.steps[index].0, new.steps[index].1));
        assert_eq!(step.status, StepStatus::Pending);
        assert!(step.started_at.is_none() && step.finished_at.is_none() && step.retry_at.is_none());
        assert!(step.input.is_none() && step.output.is_none() && step.error.is_none() && step.usage.is_none());
        assert!(step.reason.is_none() && step.rows_affected.is_none());
    }
}

pub(super) async fn a_called_run_stands_for_the_instant_of_its_caller(bench: &Bench) {
    let store = bench.open().await;
    let called = NewRun { as_of: Some(at(3)), ..bench.new_run("called") };
    assert_eq!(store.record_fire(&called).await.unwrap(), Recorded::Queued);
    let run = get(&*store, called.id).await;
    assert_eq!((run.scheduled_at, run.schedule), (Some(at(3)), None));
    // It serves no slot, so the ledger knows nothing of it.
    assert!(store.list_slots(&called.job_id, 10).await.unwrap().is_empty());
    // One that is skipped says for when.
    let skipped = NewRun { as_of: Some(at(4)), ..bench.new_run("called") };
    assert_eq!(store.record_fire(&skipped).await.unwrap(), Recorded::Skipped { active: called.id });
    assert_eq!(get(&*store, skipped.id).await.scheduled_at, Some(at(4)));
    // A run that repeats another stands for what that one stood for.
    took(&*store, &[RunChange::cancel(called.id, ME, at(5), "x".to_owned()).into()]).await;
    let replay = Replay { of: called.id, schedule: None, scheduled_at: at(3), from: None };
    let again = NewRun { replay: Some(replay), as_of: Some(at(9)), ..bench.new_run("called") };
    assert_eq!(store.record_fire(&again).await.unwrap(), Recorded::Queued);
    assert_eq!(get(&*store, again.id).await.scheduled_at, Some(at(3)));
}

pub(super) async fn a_second_run_of_a_job_is_skipped_with_the_first_named(bench: &Bench) {
    let store = bench.open().await;
    let first = bench.queued(&*store, "nightly").await;
    let second = bench.new_run("nightly");
    assert_eq!(store.record_fire(&second).await.unwrap(), Recorded::Skipped { active: first.id });
    let run = get(&*store, second.id).await;
    assert_eq!((run.status, run.reason), (RunStatus::Skipped, Some(still_running(first.id))));
    assert_eq!((run.started_at, run.finished_at), (None, Some(second.queued_at)));
    assert!(store.list_steps(second.id).await.unwrap().is_empty());
    // Another job is not in the way.
    bench.queued(&*store, "hourly").await;
}

pub(super) async fn a_job_that_allows_overlap_runs_beside_itself(bench: &Bench) {
    let store = bench.open().await;
    for _ in 0..3 {
        let new = NewRun { overlap: Overlap::Allow, ..bench.new_run("free") };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    }
    let filter = RunFilter { statuses: vec![RunStatus::Queued], limit: 10, ..RunFilter::default() };
    assert_eq!(store.list_runs(&filter).await.unwrap().len(), 3);
}

pub(super) async fn a_run_may_begin_once_the_one_before_is_final(bench: &Bench) {
    let store = bench.open().await;
    let ends = [
        |id| RunChange::succeed(id, ME, at(1)),
        |id| RunChange::fail(id, ME, at(1), "x".to_owned()),
        |id| RunChange::cancel(id, ME, at(1), "x".to_owned()),
        |id| RunChange::abandon(id, ME, at(1)),
    ];
    for end in ends {
        let new = bench.running(&*store, "nightly").await;
        took(&*store, &[end(new.id).into()]).await;
    }
    bench.queued(&*store, "nightly").await;
}

pub(super) async fn a_slot_is_written_with_its_run(bench: &Bench) {
    let store = bench.open().await;
    let new = NewRun { slot: Some(slot("nightly", 7)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let expected = SlotRecord {
        slot: slot("nightly", 7),
        outcome: SlotOutcome::Fired,
        reason: None,
        run_id: Some(new.id),
        decided_at: new.queued_at,
    };
    assert_eq!(store.list_slots(&new.job_id, 10).await.unwrap(), [expected]);
}

pub(super) async fn a_slot_that_is_taken_writes_nothing(bench: &Bench) {
    let store = bench.open().await;
    let first = NewRun { slot: Some(slot("nightly", 7)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&first).await.unwrap(), Recorded::Queued);
    for overlap in [Overlap::Skip, Overlap::Allow] {
        let second = NewRun { overlap, slot: Some(slot("nightly", 7)), ..bench.new_run("nightly") };
        assert_eq!(store.record_fire(&second).await.unwrap(), Recorded::SlotTaken);
        assert!(store.find_run(second.id).await.unwrap().is_none());
    }
    assert_eq!(store.list_slots(&first.job_id, 10).await.unwrap().len(), 1);
    // The same instant of another schedule is another slot.
    let mut other = slot("nightly", 7);
    other.schedule = "weekly".to_owned();
    let third = NewRun { overlap: Overlap::Allow, slot: Some(other), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&third).await.unwrap(), Recorded::Queued);
}

pub(super) async fn a_skipped_fire_says_so_in_the_ledger(bench: &Bench) {
    let store = bench.open().await;
    let first = bench.running(&*store, "nightly").await;
    let second = NewRun { slot: Some(slot("nightly", 9)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&second).await.unwrap(), Recorded::Skipped { active: first.id });
    let slots = store.list_slots(&first.job_id, 10).await.unwrap();
    assert_eq!(slots.len(), 1);
    assert_eq!((slots[0].outcome, slots[0].run_id), (SlotOutcome::Skipped, Some(second.id)));
    assert_eq!(slots[0].reason, Some(still_running(first.id)));
}

pub(super) async fn a_missed_slot_is_recorded_once(bench: &Bench) {
    let store = bench.open().await;
    let missed = SlotRecord {
        slot: slot("nightly", 3),
        outcome: SlotOutcome::Missed,
        reason: Some("nobody was there".to_owned()),
        run_id: None,
        decided_at: at(100),
    };
    assert!(store.record_slot(&missed).await.unwrap());
    let again = SlotRecord { outcome: SlotOutcome::FailedToStart, ..missed.clone() };
    assert!(!store.record_slot(&again).await.unwrap());
    assert_eq!(store.list_slots(&job_id("nightly"), 10).await.unwrap(), [missed]);
    let late = NewRun { slot: Some(slot("nightly", 3)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&late).await.unwrap(), Recorded::SlotTaken);
}

pub(super) async fn slots_are_listed_newest_first(bench: &Bench) {
    let store = bench.open().await;
    for due in [1, 5, 3, 4, 2] {
        let record = SlotRecord {
            slot: slot("nightly", due),
            outcome: SlotOutcome::Missed,
            reason: None,
            run_id: None,
            decided_at: at(100),
        };
        assert!(store.record_slot(&record).await.unwrap());
        assert!(store.record_slot(&SlotRecord { slot: slot("hourly", due), ..record }).await.unwrap());
    }
    let due: Vec<_> = store.list_slots(&job_id("nightly"), 3).await.unwrap().iter().map(|r| r.slot.due_at).collect();
    assert_eq!(due, [at(5), at(4), at(3)]);
}

pub(super) async fn a_job_with_a_thousand_steps_keeps_their_order(bench: &Bench) {
    let store = bench.open().await;
    let steps: Vec<_> = (0..1003).map(|n| (step_name(&format!("s{n}")), "python")).collect();
    let new = NewRun { steps: steps.clone(), ..bench.new_run("long") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let stored = store.list_steps(new.id).await.unwrap();
    assert_eq!(
        stored.iter().map(|step| step.name.clone()).collect::<Vec<_>>(),
        steps.into_iter().map(|s| s.0).collect::<Vec<_>>()
    );
    assert_eq!(stored[1002].index, 1002);
    assert_eq!(get(&*store, new.id).await.step_count, 1003);
}

pub(super) async fn a_replay_names_its_run_and_its_first_step(bench: &Bench) {
    let store = bench.open().await;
    let old = bench.running(&*store, "nightly").await;
    took(&*store, &[RunChange::succeed(old.id, ME, at(9)).into()]).await;
    let replay = Replay { of: old.id, schedule: None, scheduled_at: at(4), from: Some(step_name("report")) };
    let new = NewRun { replay: Some(replay), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let run = get(&*store, new.id).await;
    assert_eq!(
        (run.replay_of, run.replay_from, run.scheduled_at),
        (Some(old.id), Some(step_name("report")), Some(at(4)))
    );
}

pub(super) async fn a_run_for_anybody_has_no_owner_and_no_term(bench: &Bench) {
    let store = bench.open().await;
    let new = NewRun { placement: "label:big".to_owned(), ..bench.for_anybody("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let run = get(&*store, new.id).await;
    assert_eq!((run.owner.as_str(), run.term, run.placement.as_str()), ("", 0, "label:big"));
    let start = RunChange::start(new.id, ME, at(1));
    assert!(matches!(store.apply(&[start.into()]).await.unwrap(), Applied::Stale { index: 0, .. }));
}
