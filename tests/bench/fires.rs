//! Many jobs due in the same second, on SQLite: how late each run's row is in the store, from the instant it was due, and
//! when the last one is. Beside it, in the same run, the same number of bare transactions of the store. Prints.
//!
//! `NOMAFLOW_BENCH_JOBS` sets how many (10,000), `NOMAFLOW_BENCH_ROUNDS` how often (3). The rows are counted through a
//! connection of our own every few milliseconds, so what is seen is committed. CPU is that of this whole process, counting
//! included, from the slot to the last row: on a busy machine it says more than the clock does.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike, Utc};
use host_engine::clock::SystemClock;
use host_model::fire::Slot;
use host_model::job::{JobSchedule, Overrides};
use host_model::port::{Clock, Store};
use host_model::schedule::{CronExpr, ScheduleKind, ScheduleSpec};
use host_model::{CancelToken, Job, JobId, RunId};
use rusqlite::{Connection, OpenFlags};

#[path = "house.rs"]
mod house;

/// Due in one second of each minute that is `second` or 20 or 40 seconds after it.
fn due_together(id: &str, second: u32) -> Job {
    let text = format!("* * * * * {},{},{}", second, (second + 20) % 60, (second + 40) % 60);
    let cron = CronExpr::parse(&text).expect("an expression");
    let schedule = JobSchedule {
        name: "default".into(),
        text,
        spec: ScheduleSpec::new(ScheduleKind::Cron(cron), chrono_tz::Tz::UTC),
        enabled: true,
        jitter_seconds: 0,
        placement: None,
        overrides: Overrides::default(),
    };
    Job { schedules: vec![schedule], ..house::job(id) }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!("{what}: first {:?}, p50 {:?}, p99 {:?}, last {:?}", times[0], at(50), at(99), times[times.len() - 1]);
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let (count, rounds) = (number("NOMAFLOW_BENCH_JOBS", 10_000), number("NOMAFLOW_BENCH_ROUNDS", 3));
    let folder = tempfile::tempdir().expect("a folder");
    let store = house::store(&folder).await;
    let second = (Utc::now().second() + 3) % 60;
    let jobs = (0..count).map(|n| due_together(&format!("job-{n}"), second)).collect();
    let engine = house::engine(&store, jobs, 16, true).await;
    let mut due = Utc::now().with_nanosecond(0).expect("a second");
    while due.second() != second {
        due += TimeDelta::seconds(1);
    }
    for round in 0..rounds {
        let file = folder.path().join("runs.db");
        let wait = (due - Utc::now()).to_std().unwrap_or_default();
        tokio::time::sleep(wait).await;
        let before = cpu_seconds();
        let counted = tokio::task::spawn_blocking(move || count_rows(&file, due, count)).await.expect("a count");
        let cpu = cpu_seconds() - before;
        print_curve(&format!("round {}: {count} runs due at once, their rows", round + 1), &counted, count, cpu);
        // The runs of this round are to be over before the next.
        while !is_quiet(&*store).await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        while due < Utc::now() {
            due += TimeDelta::seconds(20);
        }
    }
    engine.shutdown(Duration::from_secs(10), &CancelToken::new()).await;
    bare(store, count).await;
}

/// How many rows there were how long after `due`, until there are `count`.
fn count_rows(file: &Path, due: DateTime<Utc>, count: usize) -> Vec<(Duration, usize)> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the file");
    let mut counter = db.prepare("select count(*) from ly2_slots where due_at = ?1").expect("a statement");
    let due_text = due.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut curve = Vec::new();
    while curve.last().is_none_or(|(_, rows)| *rows < count) {
        let (looked, late) = (Instant::now(), (Utc::now() - due).to_std().unwrap_or_default());
        let rows: i64 = counter.query_row([&due_text], |row| row.get(0)).expect("a count");
        curve.push((late, usize::try_from(rows).unwrap_or(0)));
        assert!(late < Duration::from_secs(120), "{rows} of {count} rows after two minutes");
        // Counting must not take what is counted its time.
        std::thread::sleep(Duration::from_millis(3).max(looked.elapsed() * 10));
    }
    curve
}

/// CPU time of this process so far; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    const TICKS_IN_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    after_name.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / TICKS_IN_A_SECOND
}

fn print_curve(what: &str, curve: &[(Duration, usize)], count: usize, cpu: f64) {
    let at = |rows: usize| curve.iter().find(|(_, seen)| *seen >= rows.max(1)).map_or(Duration::MAX, |(late, _)| *late);
    println!(
        "{what}: first {:?}, p50 {:?}, p99 {:?}, last {:?}; {cpu:.2} s of CPU",
        at(1),
        at(count / 2),
        at(count * 99 / 100),
        at(count)
    );
}

async fn is_quiet(store: &dyn Store) -> bool {
    store.list_owners().await.expect("owners").is_empty()
}

/// The same rows by as many transactions as the scheduler has under way at once, and nothing else.
async fn bare(store: Arc<dyn Store>, count: usize) {
    let began = Instant::now();
    let at = SystemClock.now();
    let lanes = (0..64).map(|lane| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for n in (lane..count).step_by(64) {
                let job = format!("bare-{n}");
                let mut new = house::new_run(RunId::from_parts(1_000_000 + n as u64, 0), &job, at);
                let job_id = JobId::new(&job).expect("an id");
                new.slot = Some(Slot { job_id, schedule: "default".into(), due_at: at });
                store.record_fire(&new).await.expect("recorded");
                times.push(began.elapsed());
            }
            times
        })
    });
    let mut times = Vec::with_capacity(count);
    for lane in lanes.collect::<Vec<_>>() {
        times.extend(lane.await.expect("a lane"));
    }
    print("the same rows, bare transactions", &mut times);
}
