//! Maintenance windows and slots that are skipped once.

use host_model::fire::{NewRun, Recorded, SeenSchedule, SlotOutcome, SlotRecord};
use host_model::hold::{Holds, LOOK_BACK, Maintenance, skip_once};
use host_model::port::PrunePass;

use super::{Bench, at, job_id, slot};

fn window(id: &str, from: i64, until: i64) -> Maintenance {
    let (reason, by) = ("upgrade".to_owned(), "user:ann".to_owned());
    Maintenance { id: id.to_owned(), from: at(from), until: at(until), reason, by, at: at(0) }
}

pub(super) async fn windows_are_kept_by_their_beginning_until_they_are_ended(bench: &Bench) {
    let store = bench.open().await;
    assert_eq!(store.find_holds(at(0)).await.unwrap(), Holds::default());
    let (late, early) = (window("a", 500, 900), window("b", 100, 200));
    for window in [&late, &early, &late] {
        store.add_maintenance(window).await.unwrap();
    }
    let other = Maintenance { reason: "other".to_owned(), ..late.clone() };
    store.add_maintenance(&other).await.unwrap();
    let windows = |since| {
        let store = &store;
        async move { store.find_holds(at(since)).await.unwrap().windows }
    };
    assert_eq!(windows(0).await, [early.clone(), late.clone()], "one that is there stays as it is");
    assert_eq!(windows(200).await, std::slice::from_ref(&late));
    // One that lasts ends now, one that has not begun goes, one that is over is left alone.
    assert_eq!(store.end_maintenance("b", at(150)).await.unwrap(), Some(early.clone()));
    assert_eq!(store.end_maintenance("b", at(150)).await.unwrap(), None);
    assert_eq!(store.end_maintenance("a", at(500)).await.unwrap(), Some(late));
    assert_eq!(store.end_maintenance("nope", at(0)).await.unwrap(), None);
    assert_eq!(windows(0).await, [Maintenance { until: at(150), ..early }]);
    let much_later = Maintenance { at: at(151) + LOOK_BACK, ..window("c", 1000, 2000) };
    store.add_maintenance(&much_later).await.unwrap();
    assert_eq!(windows(0).await, [much_later], "what ended long ago goes");
}

pub(super) async fn a_slot_skipped_once_cannot_fire_and_says_nothing_about_those_before_it(bench: &Bench) {
    let store = bench.open().await;
    let seen = SeenSchedule {
        job_id: job_id("nightly"),
        schedule: "default".to_owned(),
        text: "0 3 * * * UTC".to_owned(),
        since: at(5),
    };
    store.save_seen_schedules(&[seen], &[]).await.unwrap();
    let decided_to = || async { store.list_seen_schedules(at(1000)).await.unwrap()[0].1 };
    let skip = |due| skip_once(slot("nightly", due), "user:ann", at(10));
    assert!(store.record_slot(&skip(100)).await.unwrap());
    assert!(!store.record_slot(&skip(100)).await.unwrap(), "decided before");
    assert_eq!(decided_to().await, None);
    let missed = SlotRecord { outcome: SlotOutcome::Missed, decided_at: at(60), ..skip(50) };
    assert!(store.record_slot(&missed).await.unwrap());
    assert_eq!(decided_to().await, Some(at(50)));
    let fire = NewRun { slot: Some(slot("nightly", 100)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&fire).await.unwrap(), Recorded::SlotTaken);
    assert_eq!(store.find_holds(at(99)).await.unwrap().skips, [skip(100)]);
    assert_eq!(store.find_holds(at(100)).await.unwrap().skips, []);
    // The row that says up to where slots were decided outlives one that was written ahead.
    let pruned = store.prune(PrunePass::Slots, at(90), 10).await.unwrap();
    assert_eq!((pruned.slot_rows, decided_to().await), (0, Some(at(50))));
}

pub(super) async fn a_skip_is_taken_back_while_its_slot_is_to_come_and_nothing_else_ever_is(bench: &Bench) {
    let store = bench.open().await;
    let skip = |due| skip_once(slot("nightly", due), "user:ann", at(10));
    store.record_slots(&[skip(100), skip(200)], None).await.unwrap();
    let missed = SlotRecord { outcome: SlotOutcome::Missed, decided_at: at(60), ..skip(50) };
    let in_window = SlotRecord { decided_at: at(61), ..skip(60) };
    store.record_slots(&[missed.clone(), in_window.clone()], None).await.unwrap();
    let undo = |due, after| {
        let store = &store;
        async move { store.undo_skip(&slot("nightly", due), at(after)).await.unwrap() }
    };
    assert!(!undo(100, 100).await, "too late");
    assert!(undo(100, 99).await);
    assert!(!undo(100, 99).await);
    for (due, after) in [(50, 0), (60, 0), (150, 0)] {
        assert!(!undo(due, after).await, "{due}");
    }
    assert_eq!(store.list_slots(&job_id("nightly"), 10).await.unwrap(), [skip(200), in_window, missed]);
    let fire = NewRun { slot: Some(slot("nightly", 100)), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&fire).await.unwrap(), Recorded::Queued, "as if nobody had skipped it");
}
