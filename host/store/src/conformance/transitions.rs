//! Applying changes of runs and steps.

use host_model::transition::{Applied, AttemptKey, Change, LOST_IN_RESTART, RunChange, StepChange};
use host_model::{Json, JsonMap, RunId, RunStatus, StepError, StepErrorKind, StepStatus};

use super::{Bench, ME, at, first_attempt, get, map, started, took};

fn stale(index: usize, found: &str) -> Applied {
    Applied::Stale { index, found: found.to_owned() }
}

pub(super) async fn a_run_goes_from_queued_to_succeeded(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.queued(&*store, "nightly").await.id;
    took(&*store, &[RunChange::start(id, ME, at(10)).into()]).await;
    let run = get(&*store, id).await;
    assert_eq!((run.status, run.started_at, run.finished_at), (RunStatus::Running, Some(at(10)), None));
    took(&*store, &[RunChange::succeed(id, ME, at(20)).into()]).await;
    let run = get(&*store, id).await;
    assert_eq!((run.status, run.started_at, run.finished_at), (RunStatus::Succeeded, Some(at(10)), Some(at(20))));
    assert_eq!((run.reason, run.error), (None, None));
}

pub(super) async fn every_final_change_sets_the_finish_and_its_text(bench: &Bench) {
    let store = bench.open().await;
    type End = fn(RunId) -> RunChange;
    let ends: [(End, RunStatus, Option<&str>, Option<&str>); 3] = [
        (
            |id| RunChange::fail(id, ME, at(9), "step `a` failed".into()),
            RunStatus::Failed,
            None,
            Some("step `a` failed"),
        ),
        (|id| RunChange::cancel(id, ME, at(9), "by user:x".into()), RunStatus::Canceled, Some("by user:x"), None),
        (|id| RunChange::abandon(id, ME, at(9)), RunStatus::Failed, Some(LOST_IN_RESTART), Some(LOST_IN_RESTART)),
    ];
    for (end, status, reason, error) in ends {
        let id = bench.running(&*store, "nightly").await.id;
        took(&*store, &[end(id).into()]).await;
        let run = get(&*store, id).await;
        assert_eq!((run.status, run.finished_at), (status, Some(at(9))));
        assert_eq!((run.reason.as_deref(), run.error.as_deref()), (reason, error));
    }
}

pub(super) async fn a_stale_change_says_what_it_met(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    took(&*store, &[RunChange::cancel(id, ME, at(5), "stop".into()).into()]).await;
    let before = get(&*store, id).await;
    let late = [
        RunChange::start(id, ME, at(6)),
        RunChange::succeed(id, ME, at(6)),
        RunChange::fail(id, ME, at(6), "x".into()),
        RunChange::cancel(id, ME, at(6), "x".into()),
        RunChange::abandon(id, ME, at(6)),
    ];
    for change in late {
        assert_eq!(store.apply(&[change.into()]).await.unwrap(), stale(0, "CANCELED"));
    }
    assert_eq!(get(&*store, id).await, before);
    let step = StepChange::succeed(first_attempt(id, 0), at(6), JsonMap::new(), None, None);
    assert_eq!(store.apply(&[step.into()]).await.unwrap(), stale(0, "PENDING"));
}

pub(super) async fn a_change_by_another_owner_does_not_take(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let other = "host/2/0";
    assert_eq!(store.apply(&[RunChange::succeed(id, other, at(5)).into()]).await.unwrap(), stale(0, "another owner"));
    let key = AttemptKey { owner: other.into(), ..first_attempt(id, 0) };
    let step = StepChange::start(key, at(5), Json::Null);
    assert_eq!(store.apply(&[step.into()]).await.unwrap(), stale(0, "another owner"));
    assert_eq!(get(&*store, id).await.status, RunStatus::Running);
    assert_eq!(store.list_steps(id).await.unwrap()[0].status, StepStatus::Pending);
}

pub(super) async fn a_change_of_nothing_is_missing(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let nowhere = RunId::from_parts(1, 1);
    let attempt = AttemptKey { attempt: 2, ..first_attempt(id, 0) };
    let changes: [Change; 3] = [
        RunChange::start(nowhere, ME, at(1)).into(),
        StepChange::start(attempt, at(1), Json::Null).into(),
        StepChange::start(first_attempt(id, 9), at(1), Json::Null).into(),
    ];
    for change in changes {
        assert_eq!(store.apply(&[change]).await.unwrap(), stale(0, "missing"));
    }
}

pub(super) async fn one_stale_change_undoes_the_batch(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let steps = store.list_steps(id).await.unwrap();
    let batch: [Change; 4] = [
        started(id, 0),
        StepChange::cancel(first_attempt(id, 0), at(2), "x".into()).into(),
        StepChange::succeed(first_attempt(id, 1), at(2), JsonMap::new(), Some(5), None).into(),
        RunChange::cancel(id, ME, at(2), "x".into()).into(),
    ];
    assert_eq!(store.apply(&batch).await.unwrap(), stale(2, "PENDING"));
    assert_eq!(store.list_steps(id).await.unwrap(), steps);
    let run = get(&*store, id).await;
    assert_eq!((run.status, run.steps_done, run.rows_affected), (RunStatus::Running, 0, 0));
    took(&*store, &batch[..2]).await;
}

pub(super) async fn a_step_keeps_what_it_was_given_and_returned(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let key = first_attempt(id, 1);
    let input: Json = r#"{"url":"http://x","list":[1,null,"a"]}"#.parse().unwrap();
    took(&*store, &[StepChange::start(key, at(3), input.clone()).into()]).await;
    let step = &store.list_steps(id).await.unwrap()[1];
    assert_eq!((step.status, step.started_at, step.finished_at), (StepStatus::Running, Some(at(3)), None));
    assert_eq!(step.input.as_ref(), Some(&input));
    let (output, usage) = (map(r#"{"rows":3,"name":"é"}"#), map(r#"{"memory":1024}"#));
    took(&*store, &[StepChange::succeed(key, at(8), output.clone(), Some(3), Some(usage.clone())).into()]).await;
    let step = &store.list_steps(id).await.unwrap()[1];
    assert_eq!((step.status, step.started_at, step.finished_at), (StepStatus::Succeeded, Some(at(3)), Some(at(8))));
    assert_eq!(step.input.as_ref(), Some(&input), "the end does not forget the input");
    assert_eq!((step.output.as_ref(), step.usage.as_ref()), (Some(&output), Some(&usage)));
    assert_eq!((step.rows_affected, &step.error), (Some(3), &None));
    let run = get(&*store, id).await;
    assert_eq!((run.steps_done, run.rows_affected), (1, 3));
}

pub(super) async fn a_retry_leaves_the_failed_attempt_and_adds_a_pending_one(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let mut error = StepError::new(StepErrorKind::Remote, "host `db` said no").with_detail("line 1\nline 2");
    let again = StepChange::retry_at(first_attempt(id, 0), at(9), error.clone(), None, at(5009));
    took(&*store, &[started(id, 0), again.into()]).await;
    assert_eq!(get(&*store, id).await.steps_done, 0);
    let steps = store.list_steps(id).await.unwrap();
    assert_eq!(steps.iter().map(|s| (s.index, s.attempt)).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 1)]);
    assert_eq!((steps[0].status, steps[0].finished_at), (StepStatus::Failed, Some(at(9))));
    assert_eq!((steps[0].error.as_ref(), steps[0].retry_at), (Some(&error), None));
    assert_eq!((steps[1].status, steps[1].retry_at), (StepStatus::Pending, Some(at(5009))));
    assert_eq!((&steps[1].name, &steps[1].step_type), (&steps[0].name, &steps[0].step_type));
    assert!(steps[1].error.is_none() && steps[1].started_at.is_none() && steps[1].finished_at.is_none());

    error.may_retry = false;
    let second = AttemptKey { attempt: 2, ..first_attempt(id, 0) };
    let usage = Some(map(r#"{"calls":1}"#));
    let end = [
        StepChange::start(second, at(5010), Json::Null).into(),
        StepChange::fail(second, at(5020), error.clone(), usage.clone()).into(),
    ];
    took(&*store, &end).await;
    let steps = store.list_steps(id).await.unwrap();
    assert_eq!((steps[1].status, steps[1].error.as_ref()), (StepStatus::Failed, Some(&error)));
    assert_eq!((steps[1].input.as_ref(), &steps[1].usage), (Some(&Json::Null), &usage));
    assert_eq!((steps.len(), get(&*store, id).await.steps_done), (3, 1));
}

pub(super) async fn a_canceled_step_counts_as_done_with_its_reason(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let reason = || "skipped: run canceled".to_owned();
    took(&*store, &[started(id, 0)]).await;
    took(&*store, &[StepChange::cancel(first_attempt(id, 0), at(4), reason()).into()]).await;
    took(&*store, &[StepChange::cancel(first_attempt(id, 1), at(4), reason()).into()]).await;
    for (step, began) in store.list_steps(id).await.unwrap().iter().zip([Some(at(1)), None]) {
        assert_eq!((step.status, step.reason.as_deref()), (StepStatus::Canceled, Some("skipped: run canceled")));
        assert_eq!((step.started_at, step.finished_at), (began, Some(at(4))));
    }
    assert_eq!(get(&*store, id).await.steps_done, 2);
}

pub(super) async fn rows_of_steps_add_up_and_stop_at_the_largest_integer(bench: &Bench) {
    let store = bench.open().await;
    for (rows, sum) in [([2, 3], 5), ([i64::MAX, 1], i64::MAX), ([i64::MAX, i64::MIN], 0), ([-5, i64::MIN], -i64::MAX)]
    {
        let id = bench.running(&*store, "nightly").await.id;
        for (index, rows) in (0..).zip(rows) {
            let end = StepChange::succeed(first_attempt(id, index), at(4), JsonMap::new(), Some(rows), None);
            took(&*store, &[started(id, index), end.into()]).await;
        }
        assert_eq!(get(&*store, id).await.rows_affected, sum, "{rows:?}");
        took(&*store, &[RunChange::succeed(id, ME, at(9)).into()]).await;
    }
}

pub(super) async fn no_change_is_a_change_that_took(bench: &Bench) {
    took(&*bench.open().await, &[]).await;
}
