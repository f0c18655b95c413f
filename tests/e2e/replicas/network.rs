//! A primary that is cut off from the store, lives on, and can do no harm: what it still runs is given to another after a
//! while, and nothing it writes about that takes when it is back.

use std::time::{Duration, Instant};

use test_support::{Gate, Postgres, Session};

use super::{TICK, assert_all_fired, fires_on};
use crate::fleet::{ACQUIRED, Replica, Site, assert_whole, came, in_flight, job, let_pass, mark, runs, sleep, slots};
use crate::program::nomaflow;

/// What a connection that has gone silent may cost a process.
const SILENCE: Duration = Duration::from_secs(45);

fn is_known(session: &mut Session, replica: &Replica) -> bool {
    let rows = session.rows("select owner from ly2_replicas").unwrap();
    rows.iter().any(|row| replica.is(&row[0]))
}

#[test]
fn a_primary_cut_off_from_the_store_is_replaced_and_does_no_harm_when_it_is_back() {
    let postgres = Postgres::start_private().unwrap();
    let port = postgres.port().unwrap();
    let gate = Gate::to(port).unwrap();
    let long = job("long", "on_restart = \"resume\"", &[mark("first"), sleep("second", 14.0), mark("third")]);
    let site = Site::new(&postgres, &(job("tick", TICK, &[mark("work")]) + &long));
    let mut session = site.session();
    let mut a = site.replica_through(&gate, port);
    a.start();
    a.says(ACQUIRED);
    let mut b = site.standby("");
    fires_on(&mut session, &[&a, &b]);
    let run = a.fire("long", &[]);
    let second = format!(
        "select count(*) from ly2_step_runs where run_id = '{run}' and step_name = 'second' and status = 'RUNNING'"
    );
    came(&[&a, &b], "the second step runs", || session.value(&second).unwrap() == "1");
    let begin = Instant::now();
    gate.shut();
    b.says(ACQUIRED);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    fires_on(&mut session, &[&a, &b]);
    came(&[&a, &b], "the one that is cut off is given up", || !is_known(&mut session, &a));
    // Its step ends while it cannot say so.
    let_pass(Duration::from_secs(16).saturating_sub(begin.elapsed()));
    gate.open();
    a.becomes("standby");
    came(&[&a, &b], "it is one of them again", || is_known(&mut session, &a));
    let seen = b.sees(&run, "SUCCEEDED");
    assert!(b.is(seen["run"]["owner"].as_str().unwrap()), "{seen}");
    let marks = format!("select step, count(*) from marks where run = '{run}' group by step order by step");
    assert_eq!(session.rows(&marks).unwrap(), [["first", "1"], ["third", "1"]], "{seen}");
    a.stop();
    b.stop();
    assert_all_fired(&mut session);
    assert_eq!(in_flight(&mut session), 0);
    for run in runs(&mut session).iter().filter(|run| run.job == "tick") {
        let marks = session.value(&format!("select count(*) from marks where run = '{}'", run.id)).unwrap();
        match run.status.as_str() {
            "SUCCEEDED" => assert_eq!(marks, "1", "{run:?}"),
            _ => assert!(run.reason == "lost in restart" && marks.parse::<u32>().unwrap() <= 1, "{run:?}"),
        }
    }
}

#[test]
fn connections_that_go_silent_for_ever_leave_nothing_behind_that_waits_for_ever() {
    let postgres = Postgres::start_private().unwrap();
    let port = postgres.port().unwrap();
    let gate = Gate::to(port).unwrap();
    let jobs: String = (0..6).map(|n| job(&format!("tick-{n}"), TICK, &[mark("work")])).collect();
    let site = Site::new(&postgres, &jobs);
    let mut session = site.session();
    let mut a = site.replica_through(&gate, port);
    a.start();
    a.says(ACQUIRED);
    for _ in 0..3 {
        fires_on(&mut session, &[&a]);
        // Every connection the process has, those in use among them.
        gate.forget();
        let begin = Instant::now();
        fires_on(&mut session, &[&a]);
        assert!(begin.elapsed() < SILENCE, "{:?}", begin.elapsed());
    }
    nomaflow(a.home.path(), &["scheduler", "pause"]).expect(0);
    came(&[&a], "all runs end while the process lives", || in_flight(&mut session) == 0);
    a.becomes("standby");
    let beat = "select beat from ly2_replicas";
    let before = session.value(beat).unwrap();
    came(&[&a], "it gives signs of life", || session.value(beat).unwrap() != before);
    a.stop();
    assert_whole(&slots(&mut session));
}
