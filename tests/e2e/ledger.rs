//! No silent slot, as an operator meets it: servers that come and go, pauses, blackouts, and the answer to "why?".

use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::{Host, TempHome, wait_until};

use crate::program::{CONNECTOR, home_with, nomaflow, serve, sql_job};

const SOON: Duration = Duration::from_secs(60);

/// A home with one job `tick` that has `keys`.
fn home(keys: &str) -> TempHome {
    // What follows a `[[…]]` belongs to it, so such tables come last.
    let (head, tables) = match keys.split_once("[[") {
        Some((head, tables)) => (head, format!("[[{tables}\n")),
        None => (keys, String::new()),
    };
    let job =
        sql_job("tick", "select 1 as x").replace("id = \"tick\"\n", &format!("id = \"tick\"\n{head}\n")) + &tables;
    let home = home_with(&job);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

/// The ledger of `tick`, oldest first.
fn ledger(home: &TempHome) -> Vec<Value> {
    let said = nomaflow(home.path(), &["--json", "job", "why", "tick", "--limit", "1000"]).expect(0).json();
    let mut slots = said["answers"].as_array().unwrap().clone();
    slots.reverse();
    slots
}

fn outcomes(slots: &[Value], outcome: &str) -> usize {
    slots.iter().filter(|slot| slot["outcome"] == outcome).count()
}

/// Waits until so many slots have come to `outcome`.
fn came(home: &TempHome, outcome: &str, count: usize) -> Vec<Value> {
    let mut slots = Vec::new();
    wait_until(SOON, || {
        slots = ledger(home);
        outcomes(&slots, outcome) >= count
    })
    .or_panic(&format!("{count} slots {outcome}"));
    slots
}

/// Lets the clock go on while no server is there.
fn nobody_for(seconds: u64) {
    let begin = Instant::now();
    wait_until(SOON, || begin.elapsed() > Duration::from_secs(seconds)).or_panic("the clock goes on");
}

/// Every second between the first and the last slot has exactly one row.
#[track_caller]
fn whole(slots: &[Value]) {
    let second = |slot: &Value| {
        let text = slot["due_at"].as_str().unwrap().to_owned();
        let time: Vec<i64> = text[11..19].split(':').map(|part| part.parse().unwrap()).collect();
        time[0] * 3600 + time[1] * 60 + time[2]
    };
    for pair in slots.windows(2) {
        assert_eq!((second(&pair[0]) + 1) % 86_400, second(&pair[1]), "{pair:?}");
    }
}

fn stop(host: Host) {
    assert!(host.stop(SOON).unwrap().success());
}

#[test]
fn what_was_due_while_no_server_was_there_is_in_the_ledger_after_the_next_start() {
    let home = home("schedule = \"* * * * * *\"\noverlap = \"allow\"");
    let host = serve(&home);
    came(&home, "fired", 2);
    host.kill();
    nobody_for(3);
    let host = serve(&home);
    let slots = came(&home, "missed", 2);
    whole(&slots);
    let missed = slots.iter().find(|slot| slot["outcome"] == "missed").unwrap();
    assert!(missed["text"].as_str().unwrap().ends_with("s late; catch_up is none"), "{missed}");
    let at = missed["due_at"].as_str().unwrap();
    nomaflow(home.path(), &["job", "why", "tick", "--at", at]).expect(0).saying(&["it was missed: found", "due next:"]);
    stop(host);
}

#[test]
fn slots_of_a_downtime_are_caught_up_as_of_their_own_time() {
    let home = home("schedule = \"* * * * * *\"\ncatch_up = \"all\"\ncatch_up_window = \"10m\"");
    let host = serve(&home);
    let before = came(&home, "fired", 2).len();
    stop(host);
    nobody_for(3);
    let host = serve(&home);
    let slots = came(&home, "fired", before + 5);
    whole(&slots);
    assert_eq!(outcomes(&slots, "missed"), 0, "{slots:?}");
    let history = nomaflow(home.path(), &["--json", "job", "history", "tick", "--limit", "500"]).expect(0).json();
    for slot in slots.iter().filter(|slot| slot["outcome"] == "fired") {
        let run = history["runs"].as_array().unwrap().iter().find(|run| run["id"] == slot["run_id"]).unwrap();
        assert_eq!((&run["scheduled_at"], &run["triggered_by"]), (&slot["due_at"], &Value::from("cron")));
    }
    stop(host);
}

#[test]
fn a_paused_scheduler_stays_paused_across_a_restart_and_says_who_paused_it() {
    let home = home("schedule = \"* * * * * *\"");
    let host = serve(&home);
    came(&home, "fired", 1);
    let pause = ["scheduler", "pause", "--reason", "backup"];
    nomaflow(home.path(), &pause).expect(0).saying(&["scheduler: standby", "paused by cli:bob at ", ": backup"]);
    let slots = came(&home, "missed", 1);
    let missed = slots.iter().find(|slot| slot["outcome"] == "missed").unwrap();
    assert_eq!(missed["reason"], "scheduler paused by cli:bob: backup");
    nomaflow(home.path(), &["job", "run", "tick"]).expect(0);
    stop(host);
    let host = serve(&home);
    nomaflow(home.path(), &["scheduler", "status"]).expect(0).saying(&["scheduler: standby", "cli:bob"]);
    let next = nomaflow(home.path(), &["job", "next", "tick"]).expect(0);
    assert_eq!(next.err, "note: the scheduler is paused by cli:bob: nothing fires until it is resumed\n");
    let fired = outcomes(&ledger(&home), "fired");
    nomaflow(home.path(), &["scheduler", "resume"]).expect(0).saying(&["scheduler: active"]);
    whole(&came(&home, "fired", fired + 1));
    stop(host);
}

#[test]
fn a_slot_in_a_blackout_is_skipped_without_a_run() {
    let quiet = "schedule = \"* * * * * *\"\n[[jobs.blackouts]]\nname = \"always\"\nfrom = \"00:00\"\nto = \"24:00\"";
    let home = home(quiet);
    let host = serve(&home);
    let slots = came(&home, "skipped", 2);
    assert!(slots.iter().all(|slot| slot["reason"] == "blackout: always" && slot["run_id"].is_null()), "{slots:?}");
    nomaflow(home.path(), &["job", "run", "tick"]).expect(0);
    stop(host);
}

#[test]
fn a_jittered_job_fires_later_but_its_slot_is_the_one_that_was_due() {
    let home = home("schedule = \"* * * * * */2\"\njitter_seconds = 1");
    let host = serve(&home);
    let slots = came(&home, "fired", 3);
    let history = nomaflow(home.path(), &["--json", "job", "history", "tick", "--limit", "500"]).expect(0).json();
    for slot in slots.iter().filter(|slot| slot["outcome"] == "fired") {
        let due = slot["due_at"].as_str().unwrap();
        assert!(due.ends_with(".000Z") && due[17..19].parse::<u32>().unwrap() % 2 == 0, "{slot}");
        let run = history["runs"].as_array().unwrap().iter().find(|run| run["id"] == slot["run_id"]).unwrap();
        assert!(run["queued_at"].as_str().unwrap() > due, "{run}");
    }
    stop(host);
}
