//! Slots decided without a run, the schedules seen, and the pause of the scheduler.

use host_model::fire::{NewRun, Pause, Recorded, SeenSchedule, SlotFilter, SlotOutcome, SlotRecord};
use host_model::port::{PrunePass, SlotsKept};

use super::{Bench, at, job_id, slot};

fn missed(due: i64) -> SlotRecord {
    SlotRecord {
        slot: slot("nightly", due),
        outcome: SlotOutcome::Missed,
        reason: Some(format!("nobody was there at {due}")),
        run_id: None,
        decided_at: at(9999),
    }
}

fn of(job: &str) -> SlotFilter {
    SlotFilter { job_id: job_id(job), from: None, before: None, limit: 1000 }
}

fn seen(schedule: &str, text: &str, since: i64) -> SeenSchedule {
    SeenSchedule { job_id: job_id("nightly"), schedule: schedule.to_owned(), text: text.to_owned(), since: at(since) }
}

pub(super) async fn many_missed_slots_are_recorded_at_once_and_those_decided_stay(bench: &Bench) {
    let store = bench.open().await;
    let new = NewRun { slot: Some(slot("nightly", 7)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let batch: Vec<SlotRecord> = (0..250).map(missed).collect();
    assert_eq!(store.record_slots(&batch, None).await.unwrap(), SlotsKept::New(249));
    assert_eq!(store.record_slots(&batch, None).await.unwrap(), SlotsKept::New(0), "sent again after a lost answer");
    assert_eq!(store.record_slots(&[], None).await.unwrap(), SlotsKept::New(0));
    let mut found = store.find_slots(&of("nightly")).await.unwrap();
    found.reverse();
    assert_eq!(found.len(), 250);
    assert_eq!((found[7].outcome, found[7].run_id), (SlotOutcome::Fired, Some(new.id)));
    assert_eq!((&found[6], &found[249]), (&batch[6], &batch[249]));
}

pub(super) async fn slots_are_found_by_time_and_page_even_when_two_are_due_at_once(bench: &Bench) {
    let store = bench.open().await;
    let mut batch: Vec<SlotRecord> = (0..6).map(missed).collect();
    batch[3].slot.due_at = at(2);
    batch[3].slot.schedule = "second".to_owned();
    store.record_slots(&batch, None).await.unwrap();
    let list = async |filter: SlotFilter| -> Vec<(i64, String)> {
        let found = store.find_slots(&filter).await.unwrap();
        found.into_iter().map(|s| ((s.slot.due_at - at(0)).num_milliseconds(), s.slot.schedule)).collect()
    };
    let row = |due: i64, name: &str| (due, name.to_owned());
    let first = list(SlotFilter { limit: 3, ..of("nightly") }).await;
    assert_eq!(first, [row(5, "default"), row(4, "default"), row(2, "second")]);
    let rest = list(SlotFilter { before: Some((at(2), "second".to_owned())), ..of("nightly") }).await;
    assert_eq!(rest, [row(2, "default"), row(1, "default"), row(0, "default")]);
    let range = SlotFilter { from: Some(at(1)), before: Some((at(2), String::new())), ..of("nightly") };
    assert_eq!(list(range).await, [row(1, "default")]);
    assert!(list(of("daily")).await.is_empty());
}

pub(super) async fn a_schedule_is_remembered_with_the_newest_slot_of_its_ledger(bench: &Bench) {
    let store = bench.open().await;
    assert!(store.list_seen_schedules(at(100)).await.unwrap().is_empty());
    let (own, second) = (seen("default", "0 3 * * * UTC", 5), seen("second", "every 60 s", 6));
    store.save_seen_schedules(&[own.clone(), second.clone()], &[]).await.unwrap();
    store.record_slots(&[missed(10), missed(30), missed(20)], None).await.unwrap();
    let listed = store.list_seen_schedules(at(100)).await.unwrap();
    assert_eq!(listed, [(own.clone(), Some(at(30))), (second.clone(), None)]);
    for (until, newest) in [(9, None), (10, Some(at(10))), (29, Some(at(20)))] {
        assert_eq!(store.list_seen_schedules(at(until)).await.unwrap()[0], (own.clone(), newest), "until {until}");
    }
    let changed = seen("default", "0 4 * * * UTC", 40);
    let gone = [(second.job_id.clone(), second.schedule)];
    store.save_seen_schedules(std::slice::from_ref(&changed), &gone).await.unwrap();
    assert_eq!(store.list_seen_schedules(at(100)).await.unwrap(), [(changed, Some(at(30)))]);
    store.save_seen_schedules(&[], &[]).await.unwrap();
}

pub(super) async fn rows_of_a_clock_that_was_ahead_do_not_say_that_what_comes_before_them_was_decided(bench: &Bench) {
    let store = bench.open().await;
    store.save_seen_schedules(&[seen("default", "0 3 * * * UTC", 0)], &[]).await.unwrap();
    let decided_to = |until| {
        let store = &store;
        async move { store.list_seen_schedules(at(until)).await.unwrap()[0].1 }
    };
    store.record_slots(&[missed(10), missed(90)], None).await.unwrap();
    // Skipped once, before its time: no clock was ahead of that.
    let skip = SlotRecord { outcome: SlotOutcome::Skipped, decided_at: at(5), ..missed(500) };
    store.record_slots(&[skip], None).await.unwrap();
    store.note_clock_set_back(at(600), at(600)).await.unwrap();
    assert_eq!(decided_to(1000).await, Some(at(90)), "nothing was ahead of that");
    // Twice: whoever noticed it may not have heard the answer.
    for _ in 0..2 {
        store.note_clock_set_back(at(20), at(20)).await.unwrap();
    }
    assert_eq!((decided_to(80).await, decided_to(1000).await), (Some(at(10)), Some(at(10))));
    store.record_slots(&[missed(20), missed(30)], None).await.unwrap();
    assert_eq!(decided_to(1000).await, Some(at(20)), "30 may be from before as well");
    store.record_slots(&[missed(91)], None).await.unwrap();
    assert_eq!((decided_to(90).await, decided_to(91).await), (Some(at(20)), Some(at(91))));
    // As far as slots were handed over, whether they have a row or not.
    store.note_clock_set_back(at(95), at(200)).await.unwrap();
    store.record_slots(&[missed(150), missed(200)], None).await.unwrap();
    assert_eq!(decided_to(1000).await, Some(at(91)));
    // The row that counts outlives others, and what is noted lasts as long as the rows that it speaks of.
    assert_eq!(store.prune(PrunePass::Slots, at(160), 100).await.unwrap().slot_rows, 4);
    assert_eq!(decided_to(1000).await, Some(at(91)));
    store.record_slots(&[missed(201)], None).await.unwrap();
    store.prune(PrunePass::Slots, at(300), 100).await.unwrap();
    assert_eq!(decided_to(1000).await, Some(at(201)));
}

pub(super) async fn a_thousand_schedules_are_remembered_in_one_call(bench: &Bench) {
    let store = bench.open().await;
    let many: Vec<SeenSchedule> = (0..1000).map(|n| seen(&format!("s{n:04}"), "every 60 s", n)).collect();
    store.save_seen_schedules(&many, &[]).await.unwrap();
    let listed = store.list_seen_schedules(at(100)).await.unwrap();
    assert_eq!(listed.into_iter().map(|(seen, _)| seen).collect::<Vec<_>>(), many);
}

pub(super) async fn a_pause_stays_as_it_began_until_it_is_ended(bench: &Bench) {
    let store = bench.open().await;
    assert_eq!(store.find_pause().await.unwrap(), None);
    assert!(!store.set_pause(None).await.unwrap(), "there is nothing to end");
    let pause = Pause { by: "user:alice".to_owned(), at: at(1), reason: "moving house".to_owned() };
    assert!(store.set_pause(Some(&pause)).await.unwrap());
    let other = Pause { by: "user:bob".to_owned(), at: at(2), reason: String::new() };
    assert!(!store.set_pause(Some(&other)).await.unwrap());
    assert_eq!(bench.open().await.find_pause().await.unwrap(), Some(pause));
    assert!(store.set_pause(None).await.unwrap());
    assert_eq!(store.find_pause().await.unwrap(), None);
    assert!(store.set_pause(Some(&other)).await.unwrap());
    assert_eq!(store.find_pause().await.unwrap(), Some(other));
}

pub(super) async fn slots_without_a_run_are_listed_by_when_they_were_decided(bench: &Bench) {
    let store = bench.open().await;
    assert!(store.list_unfired_slots(None, 1).await.unwrap().is_empty());
    let new = NewRun { slot: Some(slot("nightly", 7)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let decided = |due: i64, decided: i64| SlotRecord { decided_at: at(decided), ..missed(due) };
    // Decided in another order than due.
    let batch = [decided(1, 300), decided(2, 100), decided(3, 200)];
    store.record_slots(&batch, None).await.unwrap();
    let latest = store.list_unfired_slots(None, 1).await.unwrap();
    assert_eq!(latest, [batch[0].clone()]);
    let after = store.list_unfired_slots(Some(at(100)), 9).await.unwrap();
    assert_eq!(after, [batch[2].clone(), batch[0].clone()], "the slot with a run is told by its run");
    assert_eq!(store.list_unfired_slots(Some(at(0)), 1).await.unwrap(), [batch[1].clone()]);
}
