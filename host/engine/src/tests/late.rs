//! A store that does what it was asked after it was given up on, and whose answers get lost one at a time.

use host_model::Placement;
use host_model::fire::{Recorded, Slot};
use host_model::run::RunStatus;
use host_model::transition::{Applied, RunChange};

use super::faults::{Faulty, LATE, faulty_bench};
use super::replicas::{manual, until};
use super::*;
use crate::patience::Patience;

#[tokio::test]
async fn a_claim_that_the_store_carries_out_late_is_given_back_too() {
    let (bench, faulty) =
        faulty_bench(vec![Job { overlap: Overlap::Queue, ..job("j", vec![step("a", "echo")]) }]).await;
    faulty.late_claims.store(LATE, Ordering::SeqCst);
    let run = bench.fire("j").await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
    assert_eq!(bench.run(run).await.term, 2, "it was given back once");
}

#[tokio::test]
async fn a_fire_that_failed_and_is_recorded_late_is_canceled_and_does_not_run() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "echo")])]).await;
    faulty.late_fires.store(1, Ordering::SeqCst);
    assert!(bench.engine.fire(manual("j", None)).await.is_err());
    let found = async || bench.store.list_runs(&all()).await.unwrap();
    until("the run is closed", async || found().await.first().is_some_and(|run| run.status.is_final())).await;
    let run = found().await.remove(0);
    assert_eq!((run.status, run.started_at), (RunStatus::Canceled, None));
    let next = bench.fire("j").await;
    assert_eq!(bench.finished(next).await.status, RunStatus::Succeeded, "nothing is in the way");
}

fn all() -> host_model::run::RunFilter {
    host_model::run::RunFilter { limit: 10, ..Default::default() }
}

#[tokio::test]
async fn a_fire_that_failed_keeps_no_place_from_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let faulty = Faulty::new(store.clone());
    let plain = parts(faulty.clone(), vec![job("j", vec![step("a", "echo")])]);
    let engine = Engine::start(EngineParts { presence: presence(1, false), ..plain }).await.unwrap();
    faulty.away.store(true, Ordering::SeqCst);
    assert!(engine.fire(manual("j", None)).await.is_err());
    faulty.away.store(false, Ordering::SeqCst);
    let run = engine.fire(manual("j", None)).await.unwrap().run_id;
    until("the next one runs", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Succeeded)
        .await;
}

#[tokio::test]
async fn an_outage_does_not_pile_up_fires_that_failed() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "echo")])]).await;
    faulty.away.store(true, Ordering::SeqCst);
    for _ in 0..1000 {
        assert!(bench.engine.fire(manual("j", None)).await.is_err());
    }
    faulty.away.store(false, Ordering::SeqCst);
    let refused = bench.engine.fire(manual("j", None)).await.unwrap_err().to_string();
    assert!(refused.contains("1000 runs that could not be recorded"), "{refused}");
}

#[tokio::test]
async fn a_run_that_is_taken_up_outlasts_a_store_that_goes_away_just_then() {
    let (bench, faulty) =
        faulty_bench(vec![Job { overlap: Overlap::Queue, ..job("j", vec![step("a", "echo")]) }]).await;
    faulty.fail_steps.store(2, Ordering::SeqCst);
    let run = bench.fire("j").await;
    let ended = bench.finished(run).await;
    assert_eq!((ended.status, ended.error), (RunStatus::Succeeded, None));
}

#[tokio::test]
async fn a_slot_is_fired_although_another_process_used_its_run_id() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let taken = RunId::from_parts(1, 7);
    let other = NewRun { owner: "another/1/1".into(), ..new_run(taken, "k") };
    assert_eq!(store.record_fire(&other).await.unwrap(), Recorded::Queued);
    let due_at = host_model::Instant::UNIX_EPOCH;
    let slot = Slot { job_id: JobId::new("j").unwrap(), schedule: "default".into(), due_at };
    let mut new = NewRun { slot: Some(slot), ..new_run(taken, "j") };
    let fresh = RunId::from_parts(1, 8);
    let recorded = Patience::default().record_fire(&*store, &mut new, || fresh).await.unwrap();
    assert_eq!((recorded, new.id), (Recorded::Queued, fresh));
    let slots = store.list_slots(&new.job_id, 10).await.unwrap();
    assert_eq!(slots.iter().map(|slot| slot.run_id).collect::<Vec<_>>(), [Some(fresh)]);
    assert_eq!(store.find_run(taken).await.unwrap().unwrap().job_id.as_str(), "k");
}

#[tokio::test]
async fn a_process_that_did_not_hear_that_it_was_given_up_lets_go_all_the_same() {
    let (bench, faulty) = faulty_bench(vec![job("j", vec![step("a", "hang")])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "hanging").await;
    faulty.away.store(true, Ordering::SeqCst);
    assert!(bench.store.forget_replica(&owner_id(), None).await.unwrap());
    let held = bench.run(run).await;
    let away = Placement::Label("gpu".into()).to_string();
    let change = RunChange::give_back(run, held.owner(), held.queued_at, &away, "given back".into());
    assert_eq!(bench.store.apply(&[change.into()]).await.unwrap(), Applied::Yes);
    faulty.lose_beats.store(1, Ordering::SeqCst);
    faulty.away.store(false, Ordering::SeqCst);
    tokio::time::timeout(Duration::from_secs(20), bench.engine.wait_idle()).await.expect("the task ends");
    assert_eq!(bench.run(run).await.status, RunStatus::Queued);
}
