//! Limits on how many runs with a tag or a connector are with a process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use host_model::fire::{NewRun, Recorded};
use host_model::placement::Limits;
use host_model::port::{Claim, Store};
use host_model::run::RunFilter;
use host_model::transition::RunChange;
use host_model::{Placement, RunId, RunStatus};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{Bench, ME, at, claim, claimer, get, took};

async fn limited(bench: &Bench, store: &dyn Store, keys: &[&str]) -> RunId {
    let new = bench.for_anybody("x");
    let job_id = super::job_id(&format!("job-{}", new.id));
    let new = NewRun { job_id, limits: keys.iter().map(|&key| key.to_owned()).collect(), ..new };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    new.id
}

async fn within(store: &dyn Store, owner: &str, most: u32, limits: &[(&str, u32)]) -> Claim {
    let limits: Limits = limits.iter().map(|&(key, n)| (key.to_owned(), n)).collect();
    Claim { limits, ..claimer(store, owner, most).await }
}

pub(super) async fn a_limit_counts_runs_of_every_process(bench: &Bench) {
    let store = bench.open().await;
    let mut runs = Vec::new();
    for _ in 0..4 {
        runs.push(limited(bench, &*store, &["connector:jde", "tag:etl"]).await);
    }
    let limits = [("connector:jde", 3), ("tag:etl", 2)];
    let mine = within(&*store, ME, 1, &limits).await;
    let other = within(&*store, "host/2/0", 9, &limits).await;
    assert_eq!(claim(&*store, &mine).await, runs[..1]);
    assert_eq!(claim(&*store, &other).await, runs[1..2]);
    assert!(claim(&*store, &mine).await.is_empty() && claim(&*store, &other).await.is_empty());
    // The end of a run makes room, and so does one that is given back.
    let first = get(&*store, runs[0]).await;
    took(&*store, &[RunChange::cancel(first.id, first.owner(), at(3), "x".into()).into()]).await;
    assert_eq!(claim(&*store, &other).await, runs[2..3]);
    let second = get(&*store, runs[1]).await;
    took(&*store, &[RunChange::give_back(second.id, second.owner(), at(3), "any", "x".into()).into()]).await;
    assert_eq!(claim(&*store, &mine).await, runs[1..2], "oldest first");
    // Whoever knows of no limit keeps to none.
    assert_eq!(claim(&*store, &claimer(&*store, ME, 9).await).await, runs[3..]);
}

pub(super) async fn a_limit_that_is_used_up_does_not_hold_up_the_others(bench: &Bench) {
    let store = bench.open().await;
    let mut held = Vec::new();
    for _ in 0..600 {
        held.push(limited(bench, &*store, &["tag:etl"]).await);
    }
    let free = limited(bench, &*store, &["tag:other"]).await;
    let mine = within(&*store, ME, 2, &[("tag:etl", 1), ("tag:other", 1)]).await;
    assert_eq!(claim(&*store, &mine).await, held[..1]);
    assert_eq!(claim(&*store, &mine).await, [free], "behind 599 that have to wait");
    assert!(claim(&*store, &mine).await.is_empty());
    let shut = within(&*store, ME, 2, &[("tag:etl", 0)]).await;
    assert!(claim(&*store, &shut).await.is_empty(), "a limit of none");
}

pub(super) async fn keys_that_look_alike_are_told_apart(bench: &Bench) {
    let store = bench.open().await;
    let keys =
        ["tag:a", "tag:aa", "tag:a%", "tag:_", "tag:A", "tag:a\"b", "tag:a\\", "tag:ä", "connector:a", "tag:a,b"];
    let mut runs = Vec::new();
    for key in keys {
        runs.push(limited(bench, &*store, &[key]).await);
    }
    for (n, key) in keys.into_iter().enumerate() {
        let others: Vec<_> = runs.iter().copied().enumerate().filter(|(other, _)| *other != n).collect();
        let mine = within(&*store, ME, 99, &[(key, 0)]).await;
        assert_eq!(claim(&*store, &mine).await, others.iter().map(|(_, run)| *run).collect::<Vec<_>>(), "{key}");
        for (_, run) in others {
            let run = get(&*store, run).await;
            took(&*store, &[RunChange::give_back(run.id, run.owner(), at(1), "any", "x".into()).into()]).await;
        }
    }
}

pub(super) async fn of_many_that_claim_at_once_one_gets_the_last_place(bench: &Bench) {
    let stores = [bench.open().await, bench.open().await, bench.open().await];
    for round in 0..20 {
        let barrier = Arc::new(Barrier::new(8));
        let mut tasks = JoinSet::new();
        for n in 0..8_usize {
            let (store, barrier) = (Arc::clone(&stores[n % 3]), Arc::clone(&barrier));
            // Each has a run of its own to take, so that nothing but the limit is between them.
            let owner = format!("host/{n}/0");
            let new = NewRun {
                placement: Placement::Here.of_run(&owner),
                limits: vec!["tag:etl".to_owned()],
                ..bench.for_anybody(&format!("job-{round}-{n}"))
            };
            assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
            tasks.spawn(async move {
                let mine = within(&*store, &owner, 2, &[("tag:etl", 1)]).await;
                barrier.wait().await;
                store.claim_runs(&mine).await.unwrap()
            });
        }
        let claimed = tasks.join_all().await.concat();
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        let run = &claimed[0].run;
        took(&*stores[0], &[RunChange::cancel(run.id, run.owner(), at(1), "next round".into()).into()]).await;
    }
}

pub(super) async fn many_claimers_never_exceed_a_limit(bench: &Bench) {
    const RUNS: usize = 60;
    let stores = [bench.open().await, bench.open().await, bench.open().await];
    for n in 0..RUNS {
        let keys: &[&str] = if n % 2 == 0 { &["tag:a", "tag:b"] } else { &["tag:b"] };
        limited(bench, &*stores[0], keys).await;
    }
    let ended = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for n in 0..6_usize {
        let (store, ended) = (Arc::clone(&stores[n % 3]), Arc::clone(&ended));
        tasks.spawn(async move {
            let mine = within(&*store, &format!("host/{n}/0"), 3, &[("tag:a", 2), ("tag:b", 3)]).await;
            while ended.load(Ordering::Acquire) < RUNS {
                for claimed in store.claim_runs(&mine).await.unwrap() {
                    let (id, by) = (claimed.run.id, claimed.run.owner());
                    took(&*store, &[RunChange::start(id, by, at(1)).into()]).await;
                    took(&*store, &[RunChange::succeed(id, by, at(2)).into()]).await;
                    ended.fetch_add(1, Ordering::AcqRel);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    let counts = |key: &str| {
        format!(
            "select count(*) from ly2_job_runs where status in ('QUEUED', 'RUNNING') and owner <> '' and limits like '%{key}%'"
        )
    };
    while ended.load(Ordering::Acquire) < RUNS && !tasks.is_empty() {
        let now = (bench.number(&counts("tag:a")).await, bench.number(&counts("tag:b")).await);
        assert!(now.0 <= 2 && now.1 <= 3, "{now:?}");
        while let Some(end) = tasks.try_join_next() {
            end.unwrap();
        }
    }
    tasks.join_all().await;
    let filter = RunFilter { statuses: vec![RunStatus::Succeeded], limit: 99, ..RunFilter::default() };
    assert_eq!(stores[0].list_runs(&filter).await.unwrap().len(), RUNS);
}
