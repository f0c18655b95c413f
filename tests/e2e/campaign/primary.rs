//! Two replicas, jobs every second, and the primary killed again and again at a random moment; every tenth time it only
//! stands still, as a machine without power looks to others (its connections stay open and its process id stays taken), and
//! is then killed, or goes on and finds that it is the primary no more.
//!
//! What a slot may be that is due about the moment of the kill: committed with its run before it, then it is fired, and the
//! run is what the rule of its job makes of it (FAILED `lost in restart`, or goes on; a run that had not begun runs in the
//! other process). Or not committed, then the standby finds it at its take-over, less than a minute late and due after its
//! own start, and fires it. So each slot fires once. For that the standby must be older than the slots in question, so the
//! kill waits until every job has had a slot since the standby stands by.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use test_support::{Postgres, Session};

use super::{Books, Dice, LOST, MOST_TERMS, TAKE_OVER, THE_END, Times, rounds};
use crate::fleet::{Replica, STANDS_BY, Site, came, in_flight, job, lease, let_pass, mark};
use crate::program::nomaflow;

/// Series of their own at the same time: most of a round is waiting.
const LANES: usize = 4;
const EVERY_SECOND: &str = "schedule = \"* * * * * *\"";

/// One job for each way to meet a run in flight, and for each way to go on after a restart.
fn jobs() -> String {
    let keys = |more: &str| format!("{EVERY_SECOND}\n{more}");
    job("allow-a", &keys("overlap = \"allow\""), &[mark("work")])
        + &job("allow-b", &keys("overlap = \"allow\""), &[mark("work")])
        + &job("one", EVERY_SECOND, &[mark("work")])
        + &job("resume", &keys("overlap = \"queue\"\non_restart = \"resume\""), &[mark("first"), mark("work")])
}
const JOBS: u32 = 4;

/// What a lane has measured and done.
#[derive(Default)]
struct Tally {
    /// From `kill -9` until the lease is the other's.
    taken: Times,
    /// From `kill -9` until the other has decided a slot.
    fired: Times,
    /// From the last sign of life of one that stands still until the lease is the other's.
    frozen: Times,
    /// Owners that were killed, or stood still.
    gone: Vec<String>,
    rounds: usize,
}

#[test]
fn no_slot_is_lost_or_doubled_when_the_primary_is_killed_again_and_again() {
    let postgres = Postgres::start_private().unwrap();
    let mut dice = Dice::new("kill -9 of the primary");
    let (all, begun) = (rounds(1), Instant::now());
    let total = Mutex::new((Tally::default(), [0; 4]));
    std::thread::scope(|scope| {
        for lane in 0..LANES.min(all) {
            let rounds = all / LANES + usize::from(lane < all % LANES);
            let (dice, postgres, total) = (dice.split(), &postgres, &total);
            scope.spawn(move || {
                let (tally, counts) = series(postgres, rounds, dice);
                let mut total = total.lock().unwrap();
                total.0.taken.add(tally.taken);
                total.0.fired.add(tally.fired);
                total.0.frozen.add(tally.frozen);
                total.0.rounds += tally.rounds;
                for (sum, count) in total.1.iter_mut().zip(counts) {
                    *sum += count;
                }
            });
        }
    });
    let (tally, [slots, runs, lost, resumed]) = total.into_inner().unwrap();
    let [taken, fired, frozen] = [tally.taken, tally.fired, tally.frozen].map(Times::sorted);
    println!(
        "{all} rounds in {:.0?}: {slots} slots, {runs} runs, {lost} lost in restart, {resumed} resumed",
        begun.elapsed()
    );
    println!("take-over after kill -9, the lease: {taken}");
    println!("take-over after kill -9, first slot: {fired}");
    println!("take-over from one that stands still: {frozen}");
    assert_eq!(tally.rounds, all);
    assert!(taken.at(99) <= TAKE_OVER && fired.at(99) <= TAKE_OVER, "{taken}; {fired}");
    assert!(frozen.at(99) <= TAKE_OVER * 2, "{frozen}");
}

fn series(postgres: &Postgres, rounds: usize, mut dice: Dice) -> (Tally, [usize; 4]) {
    let site = Site::new(postgres, &jobs());
    let mut session = site.session();
    let (mut primary, mut standby) = (site.primary(""), site.standby(""));
    let mut tally = Tally::default();
    for _ in 0..rounds {
        let since = session.value("select now()").unwrap();
        let all_had_a_slot = format!("select count(distinct job_id) from ly2_slots where due_at > '{since}'");
        came(&[&primary, &standby], "every job has a slot since then", || {
            session.value(&all_had_a_slot).unwrap() == JOBS.to_string()
        });
        let_pass(dice.milliseconds(1000));
        let (holder, term) = lease(&mut session);
        assert!(primary.is(&holder), "{holder} has the lease, not {}", primary.id());
        let stands_still = dice.below(10) == 0;
        let begin = Instant::now();
        if stands_still {
            primary.host().pause()
        } else {
            primary.kill()
        }
        let lease_after = taken_over(&mut session, &primary, &standby, begin, term);
        if stands_still {
            tally.frozen.0.push(lease_after);
        } else {
            tally.taken.0.push(lease_after);
            let known = decided(&mut session);
            came(&[&primary, &standby], "the other fires", || decided(&mut session) > known);
            tally.fired.0.push(begin.elapsed());
        }
        tally.gone.push(holder);
        std::mem::swap(&mut primary, &mut standby);
        if stands_still && dice.below(2) == 0 {
            standby.host().resume();
            standby.becomes("standby");
        } else {
            if stands_still {
                standby.kill();
            }
            standby.start();
            standby.says(STANDS_BY);
        }
        tally.rounds += 1;
    }
    end(&mut session, &mut primary, &mut standby);
    let counts = audit(&Books::read(&mut session), &tally.gone);
    (tally, counts)
}

fn decided(session: &mut Session) -> u64 {
    session.value("select count(*) from ly2_slots").unwrap().parse().unwrap()
}

/// Waits until the standby has the lease, in the next term.
fn taken_over(session: &mut Session, primary: &Replica, standby: &Replica, begin: Instant, term: u64) -> Duration {
    let mut now = (String::new(), 0);
    came(&[primary, standby], "the standby takes the lease", || {
        now = lease(session);
        standby.is(&now.0)
    });
    assert_eq!(now.1, term + 1, "a change of holder is a new term");
    begin.elapsed()
}

/// Ends the schedules, lets the runs end, and stops both.
fn end(session: &mut Session, primary: &mut Replica, standby: &mut Replica) {
    nomaflow(standby.home.path(), &["scheduler", "pause", "--reason", THE_END]).expect(0);
    came(&[primary, standby], "all runs end", || in_flight(session) == 0);
    standby.stop();
    primary.stop();
}

/// Checks the books; slots, runs, lost runs, resumed runs.
fn audit(books: &Books, gone: &[String]) -> [usize; 4] {
    books.assert_nothing_lost_or_doubled(|job| job == "one");
    for run in books.runs.iter().filter(|run| !run.job.starts_with('_')) {
        let (executed, attempts) = (books.executions(run, "work"), books.attempts(run, "work"));
        match (run.status.as_str(), run.job.as_str()) {
            ("SKIPPED", "one") => assert_eq!(executed, 0, "{run:?}"),
            ("SUCCEEDED", "resume") => {
                for step in ["first", "work"] {
                    let (executed, attempts) = (books.executions(run, step), books.attempts(run, step));
                    assert!(1 <= executed && executed <= attempts, "{step} ran {executed} times: {run:?}");
                    assert!(attempts <= run.term.min(MOST_TERMS), "{step} began {attempts} times: {run:?}");
                }
            }
            ("SUCCEEDED", _) => assert_eq!((executed, attempts), (1, 1), "{run:?}"),
            // It may have been killed between the commit of its step and that of its own row.
            ("FAILED", job) => {
                assert!(
                    (job != "resume" || run.term >= MOST_TERMS) && run.reason == LOST && gone.contains(&run.owner),
                    "{run:?}"
                );
                assert!(executed <= attempts && attempts <= run.term.min(MOST_TERMS), "{run:?}");
                assert!(job == "resume" || run.term == 1 || attempts == 1, "{run:?}");
            }
            _ => panic!("{run:?}"),
        }
    }
    let lost = books.count(|run| run.status == "FAILED");
    [books.slots.len(), books.runs.len(), lost, books.count(|run| run.job == "resume" && run.term > 1)]
}
