//! A server with room for one run, three workers, jobs that take longer than the second between their slots, and workers
//! killed again and again at a random moment; now and then two at once, or one that stands still until it was given up for
//! lost and then goes on.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use test_support::{Postgres, Session};

use super::{Books, Dice, LOST, MOST_TERMS, THE_END, Times, rounds};
use crate::fleet::{Replica, RunRow, Site, came, in_flight, job, let_pass, mark, sleep};
use crate::program::nomaflow;

const LANES: usize = 2;
const WORKERS: usize = 3;
const SERVER_ROOM: &str = "[jobs]\nmax_concurrent_runs = 1";
const WORKER_ROOM: &str = "[jobs]\nmax_concurrent_runs = 3";

/// Each job begins with a mark, takes longer than its rhythm, and ends with a mark.
fn jobs() -> String {
    let steps = [mark("before"), sleep("work", 1.1), mark("after")];
    // What follows the step's table belongs to the step.
    let once = [mark("before"), sleep("work", 1.1) + "resumable = false\n", mark("after")];
    let keys = |more: &str| format!("schedule = \"* * * * * *\"\noverlap = \"allow\"\n{more}");
    job("fail", &keys(""), &steps)
        + &job("resume", &keys("on_restart = \"resume\""), &steps)
        + &job("resume-once", &keys("on_restart = \"resume\""), &once)
}

#[derive(Default)]
struct Tally {
    /// From `kill -9` until no run is the victim's.
    settled: Times,
    /// Owners that were killed, or stood still until they were given up for lost.
    gone: BTreeSet<String>,
    rounds: usize,
}

#[test]
fn no_run_is_lost_or_repeated_beyond_its_rule_when_workers_are_killed_again_and_again() {
    let postgres = Postgres::start_private().unwrap();
    let mut dice = Dice::new("kill -9 of workers");
    let (all, begun) = (rounds(1), Instant::now());
    let total = Mutex::new((Tally::default(), [0; 4]));
    std::thread::scope(|scope| {
        for lane in 0..LANES.min(all) {
            let rounds = all / LANES + usize::from(lane < all % LANES);
            let (dice, postgres, total) = (dice.split(), &postgres, &total);
            scope.spawn(move || {
                let (tally, counts) = series(postgres, rounds, dice);
                let mut total = total.lock().unwrap();
                total.0.settled.add(tally.settled);
                total.0.rounds += tally.rounds;
                for (sum, count) in total.1.iter_mut().zip(counts) {
                    *sum += count;
                }
            });
        }
    });
    let (tally, [slots, by_workers, lost, resumed]) = total.into_inner().unwrap();
    println!(
        "{} rounds in {:.0?}: {slots} runs, {by_workers} of them by workers, {lost} lost in restart, {resumed} resumed",
        tally.rounds,
        begun.elapsed()
    );
    println!("until no run was the victim's: {}", tally.settled.sorted());
    assert_eq!(tally.rounds, all);
    assert!(by_workers > slots / 2, "the workers had their share");
    assert!(all < 50 || (lost > 0 && resumed > 0), "the victims had runs");
}

fn series(postgres: &Postgres, rounds: usize, mut dice: Dice) -> (Tally, [usize; 4]) {
    let site = Site::new(postgres, &jobs());
    let mut session = site.session();
    let mut server = site.primary(SERVER_ROOM);
    let mut workers: Vec<Replica> = (0..WORKERS).map(|_| site.worker(WORKER_ROOM, &[])).collect();
    let servers = server.id();
    let mut tally = Tally::default();
    came(&[&server, &workers[0]], "workers have runs", || of_others(&mut session, servers) > 0);
    for _ in 0..rounds {
        let_pass(dice.milliseconds(1000));
        let first = dice.below(WORKERS);
        let others = if dice.below(5) == 0 { vec![(first + 1) % WORKERS] } else { Vec::new() };
        let victims: Vec<usize> = others.into_iter().chain([first]).collect();
        let stands_still = victims.len() == 1 && dice.below(20) == 0;
        let ids: Vec<u32> = victims.iter().map(|n| workers[*n].id()).collect();
        tally.gone.extend(owners(&mut session, &ids));
        let begin = Instant::now();
        for victim in &victims {
            if stands_still { workers[*victim].host().pause() } else { workers[*victim].kill() }
        }
        came(&[&server], "no run is the victim's", || !has_runs(&mut session, &ids));
        if stands_still {
            // What it goes on with is no longer its own.
            workers[first].host().resume();
        } else {
            tally.settled.0.push(begin.elapsed());
            for victim in victims {
                workers[victim].start();
            }
        }
        tally.rounds += 1;
    }
    nomaflow(server.home.path(), &["scheduler", "pause", "--reason", THE_END]).expect(0);
    came(&[&server, &workers[0], &workers[1], &workers[2]], "all runs end", || in_flight(&mut session) == 0);
    for worker in &mut workers {
        assert!(worker.host().is_running(), "{}", worker.tail());
        worker.stop();
    }
    server.stop();
    let counts = audit(&Books::read(&mut session), servers, &tally.gone);
    (tally, counts)
}

/// As runs name processes.
fn owners(session: &mut Session, ids: &[u32]) -> Vec<String> {
    let rows = session.rows("select owner from ly2_replicas").unwrap().into_iter().map(|mut row| row.remove(0));
    rows.filter(|owner| ids.contains(&process(owner))).collect()
}

fn process(owner: &str) -> u32 {
    owner.rsplit('/').nth(1).and_then(|id| id.parse().ok()).unwrap_or_default()
}

fn active_owners(session: &mut Session) -> Vec<u32> {
    let rows = session.rows("select distinct owner from ly2_job_runs where status in ('QUEUED', 'RUNNING')").unwrap();
    rows.iter().map(|row| process(&row[0])).collect()
}

fn of_others(session: &mut Session, server: u32) -> usize {
    active_owners(session).into_iter().filter(|id| *id != 0 && *id != server).count()
}

fn has_runs(session: &mut Session, ids: &[u32]) -> bool {
    active_owners(session).iter().any(|id| ids.contains(id))
}

/// Checks the books; runs, those of workers, lost runs, resumed runs.
fn audit(books: &Books, server: u32, gone: &BTreeSet<String>) -> [usize; 4] {
    books.assert_nothing_lost_or_doubled(|_| false);
    let runs: Vec<&RunRow> = books.runs.iter().filter(|run| !run.job.starts_with('_')).collect();
    for run in &runs {
        let executed = ["before", "after"].map(|step| books.executions(run, step));
        let attempts = ["before", "work", "after"].map(|step| books.attempts(run, step));
        let most = if run.job == "fail" { 1 } else { run.term.min(MOST_TERMS) };
        assert!(attempts.iter().all(|n| *n <= most), "began {attempts:?} times: {run:?}");
        assert!(
            executed[0] <= attempts[0] && executed[1] <= attempts[2],
            "ran {executed:?}, began {attempts:?}: {run:?}"
        );
        match run.status.as_str() {
            "SUCCEEDED" => assert!(executed.iter().all(|n| *n >= 1), "ran {executed:?}: {run:?}"),
            "FAILED" => {
                assert!((run.job != "resume" || run.term >= MOST_TERMS) && run.reason == LOST, "{run:?}");
                assert!(gone.contains(&run.owner), "its process lives: {run:?}");
            }
            _ => panic!("{run:?}"),
        }
        if run.job == "resume-once" {
            assert!(attempts[1] <= 1, "a step that may not begin twice began {} times: {run:?}", attempts[1]);
        }
    }
    let count = |what: &dyn Fn(&RunRow) -> bool| runs.iter().filter(|run| what(run)).count();
    [
        runs.len(),
        count(&|run| process(&run.owner) != server),
        count(&|run| run.status == "FAILED"),
        count(&|run| run.status == "SUCCEEDED" && run.term > 1),
    ]
}
