//! Runs that wait with nobody, and the processes that take them up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::port::{Claim, Store};
use host_model::run::RunFilter;
use host_model::transition::{Applied, RunChange, StepChange};
use host_model::{Json, Owner, Placement, RunId, RunStatus, StepStatus};
use tokio::task::JoinSet;

use super::{Bench, ME, at, claim, claimer, definition, first_attempt, get, job_id, took};

const OTHER: &str = "host/2/0";

async fn waiting(bench: &Bench, store: &dyn Store, job: &str) -> RunId {
    let new = bench.for_anybody(job);
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    new.id
}

pub(super) async fn the_oldest_runs_go_to_whoever_asks(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for n in 0..5 {
        runs.push(waiting(bench, &*store, &format!("job-{n}")).await);
    }
    let mine = claimer(&*store, ME, 2).await;
    let claimed = store.claim_runs(&mine).await.unwrap();
    assert_eq!(claimed.iter().map(|c| c.run.id).collect::<Vec<_>>(), runs[..2]);
    for (n, claimed) in claimed.into_iter().enumerate() {
        assert_eq!((claimed.run.status, claimed.run.owner()), (RunStatus::Queued, ME.into()));
        assert_eq!(claimed.definition, definition(&format!("job-{n}")));
        assert_eq!(get(&*store, claimed.run.id).await, claimed.run);
    }
    let other = claimer(&*store, OTHER, 100).await;
    assert_eq!(claim(&*store, &other).await, runs[2..]);
    assert!(claim(&*store, &mine).await.is_empty());
    assert!(claim(&*store, &Claim { most: 0, ..mine }).await.is_empty());
}

pub(super) async fn a_run_is_taken_up_only_where_it_is_placed(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = HashMap::new();
    let placements = ["any".to_owned(), format!("here:{ME}"), "label:big".to_owned(), "label:bigger".to_owned()];
    for (n, placement) in placements.into_iter().enumerate() {
        let new = NewRun { placement: placement.clone(), ..bench.for_anybody(&format!("job-{n}")) };
        store.record_fire(&new).await.unwrap();
        runs.insert(placement, new.id);
    }
    let big = Placement::accepted(OTHER, &["big".to_owned()]);
    let other = Claim { placements: big, ..claimer(&*store, OTHER, 9).await };
    assert_eq!(claim(&*store, &other).await, [runs["any"], runs["label:big"]]);
    let mine = claimer(&*store, ME, 9).await;
    assert_eq!(claim(&*store, &mine).await, [runs[&format!("here:{ME}")]]);
    assert!(claim(&*store, &Claim { placements: Vec::new(), ..mine }).await.is_empty());
    assert_eq!(get(&*store, runs["label:bigger"]).await.owner, "");
}

pub(super) async fn a_process_nobody_knows_gets_nothing(bench: &Bench) {
    let store = bench.open().await;
    let run = waiting(bench, &*store, "nightly").await;
    let mine = claimer(&*store, ME, 9).await;
    assert!(store.forget_replica(ME, None).await.unwrap());
    assert!(claim(&*store, &mine).await.is_empty());
    assert_eq!(get(&*store, run).await.owner, "");
    let mine = claimer(&*store, ME, 9).await;
    assert_eq!(claim(&*store, &mine).await, [run]);
}

pub(super) async fn a_run_to_be_canceled_is_not_taken_up(bench: &Bench) {
    let store = bench.open().await;
    let run = waiting(bench, &*store, "nightly").await;
    let kept = waiting(bench, &*store, "other").await;
    store.request_cancel(run, "user:ann", at(1)).await.unwrap();
    assert_eq!(claim(&*store, &claimer(&*store, ME, 9).await).await, [kept]);
}

pub(super) async fn a_run_of_an_older_version_is_not_taken_up(bench: &Bench) {
    let store = bench.open().await;
    let run = waiting(bench, &*store, "nightly").await;
    bench.execute("update ly2_job_runs set definition = null").await.unwrap();
    assert!(claim(&*store, &claimer(&*store, ME, 9).await).await.is_empty());
    assert_eq!(store.find_definition(run).await.unwrap(), None);
}

pub(super) async fn a_claimed_run_starts_in_its_new_term(bench: &Bench) {
    let store = bench.open().await;
    let id = waiting(bench, &*store, "nightly").await;
    let mine = claimer(&*store, ME, 1).await;
    let run = store.claim_runs(&mine).await.unwrap().remove(0).run;
    took(&*store, &[RunChange::start(id, run.owner(), at(5)).into()]).await;
    let run = get(&*store, id).await;
    assert_eq!((run.status, run.started_at, run.term), (RunStatus::Running, Some(at(5)), 1));
}

pub(super) async fn a_run_given_back_goes_to_another_in_the_next_term(bench: &Bench) {
    let store = bench.open().await;
    let run = bench.running(&*store, "nightly").await;
    took(&*store, &[StepChange::start(first_attempt(run.id, 0), at(1), Json::Null).into()]).await;
    let back = RunChange::give_back(run.id, ME, at(7), "label:big", "lost in restart".into());
    took(&*store, &[back.into()]).await;
    let waits = get(&*store, run.id).await;
    assert_eq!(
        (waits.status, waits.owner(), waits.placement.as_str()),
        (RunStatus::Queued, Owner { name: "", term: 1 }, "label:big")
    );
    assert_eq!((waits.started_at, waits.finished_at), (Some(run.queued_at), None), "it began when it began");
    assert_eq!(waits.reason.as_deref(), Some("lost in restart"));

    assert!(claim(&*store, &claimer(&*store, ME, 9).await).await.is_empty(), "not where it may go on");
    let big = Placement::accepted(OTHER, &["big".to_owned()]);
    let other = Claim { placements: big, ..claimer(&*store, OTHER, 9).await };
    let taken = store.claim_runs(&other).await.unwrap().remove(0);
    assert_eq!((taken.run.owner(), &*taken.definition), (Owner { name: OTHER, term: 2 }, &*definition("nightly")));
    let steps = store.list_steps(run.id).await.unwrap();
    assert_eq!((steps[0].status, steps[1].status), (StepStatus::Running, StepStatus::Pending));
    took(&*store, &[RunChange::start(run.id, taken.run.owner(), at(9)).into()]).await;
}

pub(super) async fn a_run_taken_up_again_keeps_its_first_start(bench: &Bench) {
    let store = bench.open().await;
    let new = bench.for_anybody("nightly");
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let mine = claimer(&*store, ME, 9).await;
    for (term, from, to) in [(1, 5, 6), (2, 7, 8), (3, 9, 10)] {
        assert_eq!(claim(&*store, &mine).await, [new.id]);
        let owner = host_model::Owner { name: ME, term };
        took(&*store, &[RunChange::start(new.id, owner, at(from)).into()]).await;
        let run = get(&*store, new.id).await;
        assert_eq!((run.status, run.started_at, run.term), (RunStatus::Running, Some(at(5)), term));
        took(&*store, &[RunChange::give_back(new.id, owner, at(to), "any", "lost".into()).into()]).await;
    }
}

/// The run itself, or what it counts against.
pub(super) async fn a_run_that_cannot_be_read_is_set_aside_and_the_others_go_on(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for job in ["first", "poisoned", "limited", "last"] {
        let new = bench.for_anybody(job);
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        runs.push(new.id);
    }
    bench.execute("update ly2_job_runs set params = '[1]' where job_id = 'poisoned'").await.unwrap();
    bench.execute("update ly2_job_runs set limits = 'tag:a' where job_id = 'limited'").await.unwrap();
    let queued = RunFilter { statuses: vec![RunStatus::Queued], limit: 9, ..RunFilter::default() };
    assert_eq!(store.list_runs(&queued).await.unwrap().len(), 3, "one cannot be read, which hides no other");
    let mine = claimer(&*store, ME, 9).await;
    assert_eq!(claim(&*store, &mine).await, [runs[0], runs[3]]);
    let failed = "select count(*) from ly2_job_runs where status = 'FAILED' and error like '%cannot be read: column %'";
    assert_eq!(bench.number(failed).await, 2);
    assert_eq!(bench.number("select count(*) from ly2_step_runs where status = 'CANCELED'").await, 4);
    // Its job is free again.
    bench.queued(&*store, "poisoned").await;
    assert!(claim(&*store, &mine).await.is_empty());
}

pub(super) async fn many_claimers_never_share_a_run(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await, bench.open().await];
    let mut runs = Vec::new();
    for n in 0..150 {
        runs.push(waiting(bench, &*stores[0], &format!("job-{n}")).await);
    }
    let mut tasks = JoinSet::new();
    for n in 0..9_usize {
        let store = Arc::clone(&stores[n % 3]);
        tasks.spawn(async move {
            let mine = claimer(&*store, &format!("host/{n}/0"), 4).await;
            let mut all = Vec::new();
            loop {
                let some = store.claim_runs(&mine).await.unwrap();
                if some.is_empty() {
                    return all;
                }
                assert!(some.iter().all(|claimed| claimed.run.owner() == Owner { name: &mine.owner, term: 1 }));
                all.extend(some.into_iter().map(|claimed| (claimed.run.id, mine.owner.clone())));
            }
        });
    }
    let mut claimed: Vec<_> = tasks.join_all().await.concat();
    claimed.sort();
    assert_eq!(claimed.iter().map(|(id, _)| *id).collect::<Vec<_>>(), runs, "each exactly once");
    for (id, owner) in claimed {
        assert_eq!(get(&*stores[1], id).await.owner, owner);
    }
}

/// Takes runs up and ends them until `n` are over; the order in which those of each job were taken up.
async fn work(store: Arc<dyn Store>, owner: String, n: usize, order: Arc<Mutex<HashMap<String, Vec<RunId>>>>) {
    let mine = claimer(&*store, &owner, 3).await;
    loop {
        for claimed in store.claim_runs(&mine).await.unwrap() {
            let (id, by) = (claimed.run.id, claimed.run.owner());
            order.lock().unwrap().entry(claimed.run.job_id.to_string()).or_default().push(id);
            assert_eq!(store.apply(&[RunChange::start(id, by, at(1)).into()]).await.unwrap(), Applied::Yes);
            assert_eq!(store.apply(&[RunChange::succeed(id, by, at(2)).into()]).await.unwrap(), Applied::Yes);
        }
        if order.lock().unwrap().values().map(Vec::len).sum::<usize>() >= n {
            return;
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn claims_and_fires_at_once_keep_every_order(bench: &Bench) {
    const JOBS: usize = 4;
    const EACH: usize = 15;
    let stores = [bench.open().await, bench.open().await, bench.open().await];
    let order = Arc::new(Mutex::new(HashMap::new()));
    let mut tasks = JoinSet::new();
    for n in 0..JOBS {
        let (store, job) = (Arc::clone(&stores[n % 3]), format!("job-{n}"));
        let fires: Vec<NewRun> =
            (0..EACH).map(|_| NewRun { overlap: Overlap::Queue, ..bench.for_anybody(&job) }).collect();
        tasks.spawn(async move {
            for new in fires {
                assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
            }
        });
    }
    for n in 0..6_usize {
        let owner = format!("host/{n}/0");
        tasks.spawn(work(Arc::clone(&stores[n % 3]), owner, JOBS * EACH, Arc::clone(&order)));
    }
    tasks.join_all().await;
    for n in 0..JOBS {
        let filter = RunFilter { jobs: vec![job_id(&format!("job-{n}"))], limit: 99, ..RunFilter::default() };
        let mut runs = stores[0].list_runs(&filter).await.unwrap();
        runs.reverse();
        assert!(runs.iter().all(|run| run.status == RunStatus::Succeeded), "{runs:?}");
        let taken = order.lock().unwrap()[&format!("job-{n}")].clone();
        assert_eq!(taken, runs.into_iter().map(|run| run.id).collect::<Vec<_>>(), "oldest first");
    }
}
