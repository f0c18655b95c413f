//! Several processes on one store, as operators live with them: who is the primary and how that moves (here; by a
//! network that is cut: `network`), where runs go
//! (`runs`), how many may use a thing at once (`limits`), and what becomes of runs whose process is gone (`restart`).

use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::{Host, Postgres, TempHome, wait_until};

use crate::fleet::{
    ACQUIRED, Replica, SOON, STANDS_BY, Site, Slot, assert_whole, came, in_flight, job, lease, let_pass, mark, runs,
    slots,
};
use crate::program::{CONNECTOR, home_with, nomaflow, serve, sql_job};

mod limits;
mod network;
mod restart;
mod runs;

const TICK: &str = "schedule = \"* * * * * *\"\noverlap = \"allow\"";
const DEMOTED: &str = "[jobs]\nscheduler_enabled = false";

/// Waits until a slot is in the ledger that was due after now.
#[track_caller]
fn fires_on(session: &mut test_support::Session, replicas: &[&Replica]) {
    let now = session.value("select now()").unwrap();
    let since = format!("select count(*) from ly2_slots where due_at > '{now}' and outcome = 'fired'");
    came(replicas, "schedules fire", || session.value(&since).unwrap() != "0");
}

/// Every second has its row, every slot fired, and each run of one executed its step once.
#[track_caller]
fn assert_all_fired(session: &mut test_support::Session) -> Vec<Slot> {
    let slots = slots(session);
    assert_whole(&slots);
    assert!(slots.iter().all(|slot| slot.outcome == "fired"), "{slots:#?}");
    slots
}

#[test]
fn a_rolling_restart_moves_the_primary_and_loses_no_slot() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("tick", TICK, &[mark("work")]));
    let mut session = site.session();
    let (mut a, mut b) = (site.primary(""), site.standby(""));
    fires_on(&mut session, &[&a, &b]);

    // 1. Take secondary out of the load balancer; restart it.
    b.stop();
    b.start();
    b.says(STANDS_BY);
    assert_eq!((b.get("/healthz").0, b.get("/admin/jobs/health").0, b.scheduler().as_str()), (200, 200, "standby"));
    assert_eq!(a.scheduler(), "active");
    // 2. Once secondary is healthy, take primary out, demote it (set scheduler_enabled = false), restart.
    site.settle(&a.home, DEMOTED);
    let begin = Instant::now();
    a.stop();
    // 3. While primary restarts, the secondary's lock attempt succeeds — it becomes the new primary.
    b.says(ACQUIRED);
    assert!(begin.elapsed() < Duration::from_secs(5), "a stop gives the lease back: {:?}", begin.elapsed());
    b.becomes("active");
    a.start();
    // 4. When the original primary comes back, it […] runs scheduler-disabled — the old primary is now a secondary.
    a.becomes("standby");
    fires_on(&mut session, &[&a, &b]);
    assert!(b.is(&lease(&mut session).0));
    // Allowed to schedule again, it sees the lock held by the other replica.
    a.stop();
    site.settle(&a.home, "");
    a.start();
    a.says(STANDS_BY);
    assert_eq!(a.scheduler(), "standby");
    fires_on(&mut session, &[&a, &b]);

    b.stop();
    a.says(ACQUIRED);
    fires_on(&mut session, &[&a]);
    a.stop();
    let slots = assert_all_fired(&mut session);
    assert_eq!(in_flight(&mut session), 0);
    let runs = runs(&mut session);
    assert!(runs.iter().all(|run| run.status == "SUCCEEDED"), "{runs:#?}");
    assert_eq!(session.value("select count(*) from marks").unwrap(), slots.len().to_string(), "each ran once");
}

#[test]
fn a_demoted_process_never_fires_but_runs_what_it_is_asked_to() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("tick", TICK, &[mark("work")]));
    let mut session = site.session();
    let mut a = site.replica(DEMOTED, &[]);
    a.start();
    assert_eq!(a.scheduler(), "standby");
    let run = a.fire("tick", &[]);
    a.sees(&run, "SUCCEEDED");
    // Nobody else is there, and still it does not take the lease, however long it waits.
    let_pass(Duration::from_secs(4));
    assert_eq!((lease(&mut session).0.as_str(), slots(&mut session).len()), ("", 0));
    let b = site.primary("");
    fires_on(&mut session, &[&a, &b]);
    assert!(slots(&mut session).iter().all(|slot| slot.outcome == "fired"));
    assert_eq!((a.scheduler().as_str(), b.scheduler().as_str()), ("standby", "active"));
}

#[test]
fn health_tells_who_shares_the_store_and_who_is_the_primary() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("tick", TICK, &[mark("work")]));
    let (a, mut b) = (site.primary(""), site.standby(""));
    let of = |health: &Value| health["replicas"].as_array().unwrap().len();
    came(&[&a, &b], "each knows of the other", || [&a, &b].iter().all(|r| of(&r.get("/admin/jobs/health").1) == 2));
    let (here, there) = (a.get("/admin/jobs/health").1, b.get("/admin/jobs/health").1);
    assert_eq!(here["lease"]["holder"], there["lease"]["holder"]);
    assert!(a.is(here["lease"]["holder"].as_str().unwrap()), "{here}");
    b.kill();
    came(&[&a], "the dead one is forgotten", || of(&a.get("/admin/jobs/health").1) == 1);
}

#[test]
fn a_primary_that_stood_still_finds_its_place_taken_and_does_no_harm() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("tick", TICK, &[mark("work")]));
    let mut session = site.session();
    let (mut a, mut b) = (site.primary(""), site.standby(""));
    fires_on(&mut session, &[&a, &b]);
    let begin = Instant::now();
    a.host().pause();
    b.says(ACQUIRED);
    fires_on(&mut session, &[&a, &b]);
    let_pass(Duration::from_secs(8).saturating_sub(begin.elapsed()));
    a.host().resume();
    a.becomes("standby");
    a.says("scheduler: lock lost to another replica · running scheduler-disabled");
    fires_on(&mut session, &[&a, &b]);
    assert!(b.is(&lease(&mut session).0));
    // It is as good a standby as any.
    b.kill();
    came(&[&a], "it takes over again", || a.is(&lease(&mut session).0));
    fires_on(&mut session, &[&a]);
    came(&[&a], "nothing is left of the other", || in_flight_of_others(&mut session, &a) == 0);
    a.stop();
    assert_all_fired(&mut session);
    assert_eq!(in_flight(&mut session), 0);
    for run in runs(&mut session) {
        let marks = session.value(&format!("select count(*) from marks where run = '{}'", run.id)).unwrap();
        match run.status.as_str() {
            "SUCCEEDED" => assert_eq!(marks, "1", "{run:?}"),
            _ => assert!(run.reason == "lost in restart" && (marks == "0" || marks == "1"), "{run:?}"),
        }
    }
}

fn in_flight_of_others(session: &mut test_support::Session, replica: &Replica) -> usize {
    let active = runs(session).into_iter().filter(|run| matches!(run.status.as_str(), "QUEUED" | "RUNNING"));
    active.filter(|run| !replica.is(&run.owner)).count()
}

/// The ledger of `tick` as a command line on this home tells it, oldest first.
fn ledger(home: &TempHome) -> Vec<Value> {
    let said = nomaflow(home.path(), &["--json", "job", "why", "tick", "--limit", "1000"]).expect(0).json();
    said["answers"].as_array().unwrap().iter().rev().cloned().collect()
}

#[test]
fn a_second_process_on_the_same_sqlite_home_stands_by_and_takes_over() {
    let keys = "schedule = \"* * * * * *\"\noverlap = \"allow\"\n";
    let home =
        home_with(&sql_job("tick", "select 1 as x").replacen("[[jobs.steps]]", &format!("{keys}[[jobs.steps]]"), 1));
    home.write("connectors.toml", CONNECTOR).unwrap();
    let line = |host: &Host, text: &str| host.wait_for_line(text, SOON).or_panic(text);
    let first = serve(&home);
    line(&first, ACQUIRED);
    let second = serve(&home);
    line(&second, STANDS_BY);
    let fired = |home: &TempHome| ledger(home).iter().filter(|slot| slot["outcome"] == "fired").count();
    let before = fired(&home);
    wait_until(SOON, || fired(&home) > before + 1).or_panic("schedules fire");
    let begin = Instant::now();
    first.kill();
    line(&second, ACQUIRED);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let before = fired(&home);
    wait_until(SOON, || fired(&home) > before + 1).or_panic("schedules fire again");
    assert!(second.stop(SOON).unwrap().success());
    let said = nomaflow(home.path(), &["--local", "--json", "job", "why", "tick", "--limit", "1000"]).expect(0).json();
    let slots = said["answers"].as_array().unwrap();
    assert!(slots.iter().all(|slot| slot["outcome"] == "fired"), "{slots:#?}");
    let mut due: Vec<&str> = slots.iter().map(|slot| slot["due_at"].as_str().unwrap()).collect();
    due.sort_unstable();
    let minute_and_second =
        |text: &str| text[14..16].parse::<u32>().unwrap() * 60 + text[17..19].parse::<u32>().unwrap();
    for pair in due.windows(2) {
        assert_eq!((minute_and_second(pair[0]) + 1) % 3600, minute_and_second(pair[1]), "{pair:?}");
    }
}
