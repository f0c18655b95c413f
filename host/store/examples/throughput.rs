//! Measures a store: minimal runs (record, start, step start, three log lines, step end, run end) one after the other and
//! many at once, fires of many jobs at once, log lines, runs that are taken up, and pruning.
//! `cargo run --release -p host-store --example throughput -- <url>`; without a URL, a fresh SQLite file. The numbers are for comparing two versions on one machine, not for promising anything.
#![allow(clippy::unwrap_used, reason = "a measuring program may stop at the first surprise")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use host_model::fire::{NewRun, Recorded, Slot};
use host_model::job::Overlap;
use host_model::log::{LogLevel, LogLine};
use host_model::port::{Claim, PrunePass, Pruned, Store};
use host_model::replica::{Held, Presence};
use host_model::transition::{Applied, AttemptKey, RunChange, StepChange};
use host_model::{JobId, Json, JsonMap, Placement, RunId, StepName};
use tokio::task::JoinSet;

const OWNER: &str = "host/1/0";
const FOR: Duration = Duration::from_secs(5);

fn now() -> host_model::Instant {
    chrono::Utc::now()
}

fn log_line(run_id: RunId, seq: u64) -> LogLine {
    let message = format!("{seq}: {}", "0123456789".repeat(9));
    LogLine { run_id, seq, at: now(), level: LogLevel::Info, step: None, attempt: 0, message }
}

fn new_run(id: RunId, job: &str) -> NewRun {
    NewRun {
        id,
        job_id: JobId::new(job).unwrap(),
        overlap: Overlap::Skip,
        depends_on: Vec::new(),
        replay: None,
        as_of: None,
        triggered_by: "cron".to_owned(),
        slot: None,
        queued_at: now(),
        owner: OWNER.to_owned(),
        placement: format!("here:{OWNER}"),
        limits: Vec::new(),
        definition: "{}".into(),
        lease: None,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        overrides: JsonMap::new(),
        steps: vec![(StepName::new("only").unwrap(), "python")],
    }
}

async fn one_run(store: &dyn Store, job: &str, number: u32) {
    let id = RunId::from_parts(now().timestamp_millis() as u64, number);
    let new = new_run(id, job);
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let key = AttemptKey { run_id: id, index: 0, attempt: 1, owner: OWNER.into() };
    let begin = [RunChange::start(id, OWNER, now()).into(), StepChange::start(key, now(), Json::Null).into()];
    assert_eq!(store.apply(&begin).await.unwrap(), Applied::Yes);
    store.append_logs(&(0..3).map(|seq| log_line(id, seq)).collect::<Vec<_>>()).await.unwrap();
    let step = StepChange::succeed(key, now(), JsonMap::new(), Some(1), None);
    let end = [step.into(), RunChange::succeed(id, OWNER, now()).into()];
    assert_eq!(store.apply(&end).await.unwrap(), Applied::Yes);
}

async fn runs_per_second(store: &Arc<dyn Store>, at_once: u32) -> f64 {
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut done = 0;
            while begin.elapsed() < FOR {
                one_run(&*store, &format!("job-{task}"), task * 10_000 + done % 10_000).await;
                done += 1;
            }
            done
        });
    }
    let done: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(done) / begin.elapsed().as_secs_f64()
}

/// Fires `n` jobs that are due at once, under the lease, as many at a time as the scheduler does.
async fn fires(store: &Arc<dyn Store>, n: u32) {
    let lease = Held { holder: OWNER.to_owned(), term: store.take_lease(OWNER, None, now()).await.unwrap().unwrap() };
    let (due_at, begin) = (now(), Instant::now());
    let mut tasks = JoinSet::new();
    for task in 0..64 {
        let (store, lease) = (Arc::clone(store), lease.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            for number in (task..n).step_by(64) {
                let id = RunId::from_parts(now().timestamp_millis() as u64, 2_000_000 + n + number);
                let new = new_run(id, &format!("f-{n}-{number}"));
                let slot = Slot { job_id: new.job_id.clone(), schedule: "default".to_owned(), due_at };
                let new = NewRun { slot: Some(slot), lease: Some(lease.clone()), ..new };
                assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
                times.push(begin.elapsed());
            }
            times
        });
    }
    let mut times = tasks.join_all().await.concat();
    times.sort();
    println!(
        "{n} jobs due at once, their rows: {:?} (p50), {:?} (last)",
        times[times.len() / 2],
        times.last().unwrap()
    );
    store.release_lease(&lease).await.unwrap();
}

async fn lines_per_second(store: &Arc<dyn Store>, batch: u64) -> f64 {
    let run = RunId::from_parts(now().timestamp_millis() as u64, 999_999);
    let begin = Instant::now();
    let mut seq = 0;
    while begin.elapsed() < FOR {
        store.append_logs(&(seq..seq + batch).map(|seq| log_line(run, seq)).collect::<Vec<_>>()).await.unwrap();
        seq += batch;
    }
    seq as f64 / begin.elapsed().as_secs_f64()
}

/// Records `n` runs for anybody and lets several processes take them up; how many a second each took.
async fn claims(url: &str, home: &std::path::Path, n: u32) {
    let store = host_store::open(url, home).await.unwrap();
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for number in (0..n).filter(|number| number % 16 == task) {
                let id = RunId::from_parts(now().timestamp_millis() as u64, 1_000_000 + number);
                let limits = if number % 4 == 0 { vec!["tag:etl".to_owned()] } else { Vec::new() };
                let new = NewRun {
                    owner: String::new(),
                    placement: "any".into(),
                    limits,
                    ..new_run(id, &format!("c-{number}"))
                };
                assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
            }
        });
    }
    tasks.join_all().await;
    println!("runs for anybody recorded/s, 16 at once: {:.0}", f64::from(n) / begin.elapsed().as_secs_f64());
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for process in 0..4 {
        let store = host_store::open(url, home).await.unwrap();
        tasks.spawn(async move {
            let owner = format!("host/{process}/0");
            let presence = Presence {
                owner: owner.clone(),
                role: "worker".into(),
                labels: Vec::new(),
                url: None,
                version: String::new(),
                scheduler_enabled: false,
                room: 16,
                started_at: now(),
            };
            store.beat(&presence, now()).await.unwrap();
            let limits = [("tag:etl".to_owned(), n)].into();
            let claim = Claim { placements: Placement::accepted(&owner, &[]), owner, most: 16, limits };
            let mut times = Vec::new();
            loop {
                let begin = Instant::now();
                let claimed = store.claim_runs(&claim).await.unwrap();
                times.push(begin.elapsed());
                for claimed in &claimed {
                    let run = &claimed.run;
                    store.apply(&[RunChange::cancel(run.id, run.owner(), now(), "x".into()).into()]).await.unwrap();
                }
                if claimed.is_empty() {
                    store.close().await;
                    return times;
                }
            }
        });
    }
    let mut times = tasks.join_all().await.concat();
    times.sort();
    println!(
        "{n} runs taken up and ended by 4 processes: {:.0}/s; one claim of up to 16: {:?} (p50), {:?} (p99)",
        f64::from(n) / begin.elapsed().as_secs_f64(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
    );
    store.close().await;
}

/// Rows a second that pruning removes from what was written before, and how long a writer waits meanwhile.
async fn pruning(store: &Arc<dyn Store>, pass: PrunePass, limit: u32) {
    let before = now() + chrono::TimeDelta::days(1);
    let task = tokio::spawn({
        let store = Arc::clone(store);
        async move {
            let (mut all, mut busy) = (Pruned::default(), Duration::ZERO);
            loop {
                let begin = Instant::now();
                let batch = store.prune(pass, before, limit).await.unwrap();
                if batch == Pruned::default() {
                    return (all.total(), busy);
                }
                busy += begin.elapsed();
                all += batch;
                tokio::time::sleep(begin.elapsed()).await;
            }
        }
    });
    let mut waits = Vec::new();
    while !task.is_finished() {
        let begin = Instant::now();
        store.request_cancel(RunId::from_parts(1, 1), "nobody", host_model::Instant::default()).await.unwrap();
        waits.push(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (rows, busy) = task.await.unwrap();
    waits.sort();
    println!(
        "{pass:?}, batches of {limit}: {rows} rows, {:.0} rows/s while at it; a writer waits {:?} (p50), {:?} (p99), {:?} (most)",
        rows as f64 / busy.as_secs_f64(),
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        waits.last().unwrap(),
    );
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = std::env::args().nth(1).unwrap_or_else(|| "sqlite:throughput.db".to_owned());
    let store = host_store::open(&url, folder.path()).await.unwrap();
    for at_once in [1, 16, 64] {
        println!("runs/s, {at_once} at once: {:.0}", runs_per_second(&store, at_once).await);
    }
    for n in [200, 10_000] {
        fires(&store, n).await;
    }
    for batch in [1, 100, 1000] {
        println!("log lines/s, {batch} a call: {:.0}", lines_per_second(&store, batch).await);
    }
    claims(&url, folder.path(), 10_000).await;
    pruning(&store, PrunePass::Logs, 2_000).await;
    pruning(&store, PrunePass::Runs, 500).await;
    store.close().await;
}
