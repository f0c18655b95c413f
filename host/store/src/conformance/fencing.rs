//! What a process writes that was given up for lost, and comes back.

use host_model::fire::{NewRun, Recorded, SlotOutcome, SlotRecord};
use host_model::port::{SlotsKept, Store};
use host_model::replica::Held;
use host_model::transition::{Applied, AttemptKey, Change, RunChange, StepChange};
use host_model::{Json, JsonMap, Owner, RunStatus, StepStatus};

use super::{Bench, ME, at, claim, claimer, first_attempt, get, slot, started, took};

const OTHER: &str = "host/2/0";

pub(super) async fn a_change_of_an_old_term_does_not_take(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    took(&*store, &[RunChange::give_back(id, ME, at(2), "any", "lost".into()).into()]).await;
    let old: [Change; 6] = [
        RunChange::succeed(id, ME, at(3)).into(),
        RunChange::cancel(id, ME, at(3), "x".into()).into(),
        RunChange::abandon(id, ME, at(3)).into(),
        RunChange::give_back(id, ME, at(3), "any", "x".into()).into(),
        StepChange::start(first_attempt(id, 0), at(3), Json::Null).into(),
        StepChange::cancel(first_attempt(id, 0), at(3), "x".into()).into(),
    ];
    let refused = async |store: &dyn Store| {
        for change in &old {
            let answer = store.apply(std::slice::from_ref(change)).await.unwrap();
            assert_eq!(answer, Applied::Stale { index: 0, found: "another owner".to_owned() }, "{change:?}");
        }
    };
    refused(&*store).await;
    // It takes its own run up again: the name is the same, the term is not.
    assert_eq!(claim(&*store, &claimer(&*store, ME, 1).await).await, [id]);
    let run = get(&*store, id).await;
    assert_eq!(run.owner(), Owner { name: ME, term: 2 });
    refused(&*store).await;
    let key = AttemptKey { owner: run.owner(), ..first_attempt(id, 0) };
    let now = [RunChange::start(id, run.owner(), at(4)).into(), StepChange::start(key, at(4), Json::Null).into()];
    took(&*store, &now).await;
    refused(&*store).await;
    let end = StepChange::succeed(first_attempt(id, 0), at(5), JsonMap::new(), Some(1), None);
    assert!(matches!(store.apply(&[end.into()]).await.unwrap(), Applied::Stale { .. }));
    assert_eq!(get(&*store, id).await.rows_affected, 0);
}

pub(super) async fn what_begins_before_it_is_given_back_is_not_given_back(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let back = || RunChange::give_back(id, ME, at(3), "any", "lost".into());
    let refused = async |changes: &[Change], index: usize| {
        let found = "RUNNING".to_owned();
        assert_eq!(store.apply(changes).await.unwrap(), Applied::Stale { index, found });
        assert_eq!(get(&*store, id).await.owner(), ME.into());
    };
    refused(&[back().only_from(RunStatus::Queued).unwrap().into()], 0).await;
    let waits = || Change::from(StepChange::wait(first_attempt(id, 0), at(3)));
    let before = store.list_steps(id).await.unwrap();
    took(&*store, &[waits()]).await;
    assert_eq!(store.list_steps(id).await.unwrap(), before, "it changes nothing");
    took(&*store, &[started(id, 0)]).await;
    refused(&[waits(), back().only_from(RunStatus::Running).unwrap().into()], 0).await;
    took(&*store, &[back().only_from(RunStatus::Running).unwrap().into()]).await;
    assert_eq!(get(&*store, id).await.status, RunStatus::Queued);
}

/// The lease of `ME`, taken over by `OTHER`; both.
async fn taken_over(store: &dyn Store) -> [Held; 2] {
    let first = store.take_lease(ME, None, at(1)).await.unwrap().unwrap();
    let seen = store.find_lease().await.unwrap();
    let second = store.take_lease(OTHER, seen.as_ref(), at(2)).await.unwrap().unwrap();
    [Held { holder: ME.to_owned(), term: first }, Held { holder: OTHER.to_owned(), term: second }]
}

pub(super) async fn a_fire_under_a_lost_lease_writes_nothing(bench: &Bench) {
    let store = bench.open().await;
    let fire = |lease: &Held| NewRun {
        slot: Some(slot("nightly", 7)),
        lease: Some(lease.clone()),
        ..bench.new_run("nightly")
    };
    let nobody = fire(&Held { holder: ME.to_owned(), term: 1 });
    assert_eq!(store.record_fire(&nobody).await.unwrap(), Recorded::LeaseLost, "nobody ever had it");
    let [old, new] = taken_over(&*store).await;
    let wrong_term = Held { term: 1, ..new.clone() };
    for lost in [&old, &wrong_term] {
        let fire = fire(lost);
        assert_eq!(store.record_fire(&fire).await.unwrap(), Recorded::LeaseLost);
        assert!(store.find_run(fire.id).await.unwrap().is_none());
        assert!(store.list_slots(&fire.job_id, 9).await.unwrap().is_empty());
    }
    assert_eq!(store.record_fire(&fire(&new)).await.unwrap(), Recorded::Queued);
    assert_eq!(
        store.record_fire(&fire(&old)).await.unwrap(),
        Recorded::LeaseLost,
        "rather than that the slot is taken"
    );
}

pub(super) async fn slots_under_a_lost_lease_are_not_written(bench: &Bench) {
    let store = bench.open().await;
    let [old, new] = taken_over(&*store).await;
    let missed = |due| SlotRecord {
        slot: slot("nightly", due),
        outcome: SlotOutcome::Missed,
        reason: None,
        run_id: None,
        decided_at: at(9),
    };
    let both = [missed(1), missed(2)];
    assert_eq!(store.record_slots(&both, Some(&old)).await.unwrap(), SlotsKept::LeaseLost);
    assert!(store.list_slots(&both[0].slot.job_id, 9).await.unwrap().is_empty());
    assert_eq!(store.record_slots(&both, Some(&new)).await.unwrap(), SlotsKept::New(2));
    assert!(store.release_lease(&new).await.unwrap());
    assert_eq!(store.record_slots(&[missed(3)], Some(&new)).await.unwrap(), SlotsKept::LeaseLost);
}

pub(super) async fn a_step_and_a_take_over_have_one_winner(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let mut wins = 0;
    for n in 0..40 {
        let id = bench.running(&*stores[0], &format!("job-{n}")).await.id;
        took(&*stores[0], &[started(id, 0)]).await;
        let end = [StepChange::succeed(first_attempt(id, 0), at(5), JsonMap::new(), None, None).into()];
        let back = [RunChange::give_back(id, ME, at(5), "any", "lost".into()).into()];
        let take_over = async {
            assert_eq!(stores[1].apply(&back).await.unwrap(), Applied::Yes);
            stores[1].list_steps(id).await.unwrap()
        };
        let (ended, found) = tokio::join!(stores[0].apply(&end), take_over);
        let is_ended = ended.unwrap() == Applied::Yes;
        let expected = if is_ended { StepStatus::Succeeded } else { StepStatus::Running };
        assert_eq!(found[0].status, expected, "what the next owner finds is what stays");
        assert_eq!(stores[0].list_steps(id).await.unwrap(), found);
        wins += u32::from(is_ended);
    }
    println!("the step won {wins} times of 40");
}
