//! Many at once: tasks on one store, and two stores on one database as two processes would have them.

use std::sync::Arc;

use host_model::fire::{NewRun, Recorded, SlotOutcome, still_running};
use host_model::job::Overlap;
use host_model::port::Store;
use host_model::replica::Held;
use host_model::run::RunFilter;
use host_model::transition::{Applied, RunChange, StepChange};
use host_model::{JsonMap, RunStatus};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, ME, at, first_attempt, get, job_id, line, map, slot, started, took};

/// Records all of `fires` at the same moment, each on its store.
async fn at_once(fires: Vec<(Arc<dyn Store>, NewRun)>) -> Vec<Recorded> {
    let barrier = Arc::new(Barrier::new(fires.len()));
    let mut tasks = JoinSet::new();
    for (store, new) in fires {
        let barrier = Arc::clone(&barrier);
        tasks.spawn(async move {
            barrier.wait().await;
            store.record_fire(&new).await.unwrap()
        });
    }
    tasks.join_all().await
}

fn assert_one_queued(answers: &[Recorded]) {
    assert_eq!(answers.iter().filter(|answer| **answer == Recorded::Queued).count(), 1, "{answers:?}");
    let others: Vec<_> = answers.iter().filter(|answer| **answer != Recorded::Queued).collect();
    assert!(others.windows(2).all(|pair| pair[0] == pair[1]), "all name the same run: {answers:?}");
}

pub(super) async fn sixteen_starters_make_one_run(bench: &Bench) {
    let store = bench.open().await;
    for _ in 0..5 {
        let answers = at_once((0..16).map(|_| (Arc::clone(&store), bench.new_run("nightly"))).collect()).await;
        assert_one_queued(&answers);
        let filter = RunFilter { statuses: vec![RunStatus::Queued], limit: 99, ..RunFilter::default() };
        let queued = store.list_runs(&filter).await.unwrap();
        assert_eq!(queued.len(), 1);
        took(&*store, &[RunChange::cancel(queued[0].id, ME, at(9), "next round".into()).into()]).await;
    }
}

/// Enough of them that some meet in one transaction, and of every kind, so that those that take stand beside those that do not.
pub(super) async fn many_fires_at_once_come_out_as_each_would_alone(bench: &Bench) {
    let store = bench.open().await;
    let fire = |job: &str, due: i64| NewRun { slot: Some(slot(job, due)), ..bench.new_run(job) };
    let busy = bench.running(&*store, "busy").await;
    let waits = NewRun { overlap: Overlap::Queue, ..bench.for_anybody("waits") };
    let taken = fire("taken", 1);
    for new in [&waits, &NewRun { overlap: Overlap::Allow, ..taken.clone() }] {
        assert_eq!(store.record_fire(new).await.unwrap(), Recorded::Queued);
    }
    let odd = r#"{"z":"\u0000 é \u2028 '\"\\ 🦀","a":[1.10,-0.0,1e300,9007199254740993],"deep":{"x":{"y":null}}}"#;
    let lost = Held { holder: "somebody/1/1".to_owned(), term: 9 };
    let mut fires = Vec::new();
    for n in 0..20 {
        let full = NewRun {
            params: map(odd),
            overrides: map(odd),
            limits: vec!["tag:ü".into()],
            ..fire(&format!("odd-{n}"), 1)
        };
        fires.push((full, "queued"));
        let bare = NewRun { steps: vec![], triggered_by: "cron \u{1}'$1".into(), ..fire(&format!("bare-{n}"), 1) };
        fires.push((bare, "queued"));
        fires.push((NewRun { overlap: Overlap::Allow, ..fire("free", n) }, "queued"));
        fires.push((fire("busy", n), "skipped"));
        fires.push((fire("waits", n), "skipped"));
        fires.push((NewRun { overlap: Overlap::Allow, ..fire("taken", 1) }, "nothing"));
        fires.push((NewRun { lease: Some(lost.clone()), ..fire(&format!("lost-{n}"), 1) }, "nothing"));
        fires.push((NewRun { overlap: Overlap::Queue, ..fire("queue", n) }, "queued"));
    }
    let news: Vec<NewRun> = fires.iter().map(|(new, _)| new.clone()).collect();
    at_once(news.into_iter().map(|new| (Arc::clone(&store), new)).collect()).await;
    for (new, comes_to) in fires {
        let (slot, job) = (new.slot.clone().unwrap(), new.job_id.as_str());
        let row = store.list_slots(&new.job_id, 99).await.unwrap().into_iter().find(|row| row.slot == slot);
        let run = store.find_run(new.id).await.unwrap();
        let (Some(run), "queued" | "skipped") = (run, comes_to) else {
            assert!(comes_to == "nothing" && row.is_none_or(|row| row.run_id == Some(taken.id)), "{job}");
            continue;
        };
        let row = row.unwrap();
        assert_eq!((row.run_id, row.decided_at), (Some(new.id), new.queued_at), "{job}");
        assert_eq!((run.params, run.overrides, run.scheduled_at), (new.params, new.overrides, Some(slot.due_at)));
        assert_eq!((run.triggered_by, run.owner, run.placement), (new.triggered_by, new.owner, new.placement));
        let steps = store.list_steps(new.id).await.unwrap();
        if comes_to == "queued" {
            assert_eq!((run.status, row.outcome, row.reason), (RunStatus::Queued, SlotOutcome::Fired, None), "{job}");
            let steps: Vec<_> = steps.iter().map(|step| (step.name.clone(), step.step_type.as_str())).collect();
            assert_eq!(steps, new.steps, "{job}");
            assert_eq!(store.find_definition(new.id).await.unwrap(), Some(new.definition));
        } else {
            let reason = Some(still_running(if job == "busy" { busy.id } else { waits.id }));
            assert_eq!((run.status, row.outcome), (RunStatus::Skipped, SlotOutcome::Skipped), "{job}");
            assert_eq!((run.reason, row.reason), (reason.clone(), reason), "{job}");
            assert!(steps.is_empty());
        }
    }
}

/// Operations that wait together are committed together; one that is undone or refused must be the only one that is.
pub(super) async fn what_is_undone_or_fails_takes_none_of_its_neighbors_with_it(bench: &Bench) {
    let store = bench.open().await;
    let used = bench.queued(&*store, "used").await;
    let mut tasks = JoinSet::new();
    let mut good = Vec::new();
    for n in 0..30_u32 {
        let fire = |job: String| NewRun { slot: Some(slot(&job, 1)), ..bench.new_run(&job) };
        let new = fire(format!("good-{n}"));
        // Two changes, of which the second meets nothing: the first goes too.
        let half = bench.queued(&*store, &format!("half-{n}")).await;
        // Refused by the database: a run of this id is there.
        let refused = NewRun { id: used.id, overlap: Overlap::Allow, ..fire(format!("refused-{n}")) };
        good.push((new.clone(), half.clone(), refused.clone()));
        let (one, two, three) = (Arc::clone(&store), Arc::clone(&store), Arc::clone(&store));
        tasks.spawn(async move { assert_eq!(one.record_fire(&new).await.unwrap(), Recorded::Queued) });
        tasks.spawn(async move {
            let changes = [RunChange::start(half.id, ME, at(1)).into(), started(half.id, 7)];
            let applied = two.apply(&changes).await.unwrap();
            assert_eq!(applied, Applied::Stale { index: 1, found: "missing".to_owned() });
        });
        tasks.spawn(async move { assert!(three.record_fire(&refused).await.is_err()) });
    }
    tasks.join_all().await;
    for (new, half, refused) in good {
        assert_eq!(get(&*store, new.id).await.job_id, new.job_id);
        assert_eq!(store.list_slots(&new.job_id, 9).await.unwrap().len(), 1);
        assert_eq!(get(&*store, half.id).await.status, RunStatus::Queued);
        assert!(store.list_slots(&refused.job_id, 9).await.unwrap().is_empty(), "a slot without its run");
    }
    assert_eq!(get(&*store, used.id).await.job_id, used.job_id);
}

pub(super) async fn two_handles_on_one_database_make_one_run(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let answers = at_once((0..16).map(|n| (Arc::clone(&stores[n % 2]), bench.new_run("nightly"))).collect()).await;
    assert_one_queued(&answers);
    let filter = RunFilter { limit: 99, ..RunFilter::default() };
    let seen = (stores[0].list_runs(&filter).await.unwrap(), stores[1].list_runs(&filter).await.unwrap());
    assert_eq!(seen.0.len(), 16);
    assert_eq!(seen.0, seen.1);
    stores[0].close().await;
    bench.queued(&*stores[1], "other").await;
}

pub(super) async fn sixteen_starters_of_one_slot_make_one_row(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    for (due, overlap) in [(1, Overlap::Allow), (2, Overlap::Skip)] {
        let fire = |n: usize| {
            let new = NewRun { overlap, slot: Some(slot("nightly", due)), ..bench.new_run("nightly") };
            (Arc::clone(&stores[n % 2]), new)
        };
        let answers = at_once((0..16).map(fire).collect()).await;
        assert_one_queued(&answers);
        assert_eq!(answers.iter().filter(|answer| **answer == Recorded::SlotTaken).count(), 15);
    }
    let slots = stores[0].list_slots(&job_id("nightly"), 99).await.unwrap();
    assert_eq!(slots.iter().map(|slot| slot.outcome).collect::<Vec<_>>(), [SlotOutcome::Fired; 2]);
    assert_eq!(stores[0].list_runs(&RunFilter { limit: 99, ..RunFilter::default() }).await.unwrap().len(), 2);
}

pub(super) async fn many_runs_at_once_all_end(bench: &Bench) {
    let store = bench.open().await;
    let mut tasks = JoinSet::new();
    for n in 0..64 {
        let (store, new) = (Arc::clone(&store), bench.new_run(&format!("job-{n}")));
        tasks.spawn(async move {
            let (store, id) = (&*store, new.id);
            assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
            took(store, &[RunChange::start(id, ME, at(1)).into()]).await;
            for index in 0..2 {
                took(store, &[started(id, index)]).await;
                store.append_logs(&[line(id, u64::from(index), "working")]).await.unwrap();
                let end = StepChange::succeed(first_attempt(id, index), at(2), JsonMap::new(), Some(n), None);
                took(store, &[end.into()]).await;
            }
            took(store, &[RunChange::succeed(id, ME, at(3)).into()]).await;
            let run = get(store, id).await;
            assert_eq!((run.status, run.steps_done, run.rows_affected), (RunStatus::Succeeded, 2, 2 * n));
            assert_eq!(store.count_logs(id).await.unwrap(), 2);
        });
    }
    assert_eq!(tasks.join_all().await.len(), 64);
}

pub(super) async fn two_deciders_of_one_run_have_one_winner(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    for n in 0..20 {
        let id = bench.running(&*stores[0], &format!("job-{n}")).await.id;
        let succeed = [RunChange::succeed(id, ME, at(5)).into()];
        let cancel = [RunChange::cancel(id, ME, at(5), "stop".into()).into()];
        let (first, second) = tokio::join!(stores[0].apply(&succeed), stores[1].apply(&cancel));
        let stale = |found: &str| Applied::Stale { index: 0, found: found.to_owned() };
        match (first.unwrap(), second.unwrap()) {
            (Applied::Yes, other) => assert_eq!(other, stale("SUCCEEDED")),
            (other, Applied::Yes) => assert_eq!(other, stale("CANCELED")),
            neither => panic!("nobody won: {neither:?}"),
        }
    }
}

pub(super) async fn readers_see_whole_batches_only(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for n in 0..30 {
        runs.push(bench.running(&*store, &format!("job-{n}")).await.id);
    }
    let writer = {
        let (store, runs) = (Arc::clone(&store), runs.clone());
        tokio::spawn(async move {
            for id in runs {
                let end = StepChange::succeed(first_attempt(id, 0), at(2), JsonMap::new(), Some(7), None);
                took(&*store, &[started(id, 0), end.into(), RunChange::succeed(id, ME, at(3)).into()]).await;
            }
        })
    };
    while !writer.is_finished() {
        for id in &runs {
            let run = get(&*store, *id).await;
            let expected = if run.status == RunStatus::Running { (0, 0) } else { (1, 7) };
            assert_eq!((run.steps_done, run.rows_affected), expected, "{run:?}");
        }
    }
    writer.await.unwrap();
}

pub(super) async fn batches_in_opposite_order_do_not_block_each_other(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await];
    let a = bench.running(&*stores[0], "a").await.id;
    let b = bench.running(&*stores[0], "b").await.id;
    let attempts = 30;
    let swing = |store: Arc<dyn Store>, first, second| async move {
        let mut taken = 0;
        for _ in 0..attempts {
            // The guard refuses every batch at its last change; the locks are taken all the same.
            let batch = [started(first, 0), started(second, 0), started(second, 0)];
            let answer = store.apply(&batch).await.unwrap();
            assert_eq!(answer, Applied::Stale { index: 2, found: "RUNNING".to_owned() });
            taken += 1;
        }
        taken
    };
    let [one, two] = stores;
    let both = tokio::join!(tokio::spawn(swing(one, a, b)), tokio::spawn(swing(two, b, a)));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (attempts, attempts));
}
