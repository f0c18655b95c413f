//! Where a run goes: where it was asked for, wherever there is room, or where a label is; who may cancel it; and in which
//! order runs of one job go that wait in different processes.

use serde_json::{Value, json};
use test_support::Postgres;

use super::DEMOTED;
use crate::fleet::{Replica, Site, came, job, lease, mark, runs, sleep};
use crate::program::nomaflow;

const ONE_AT_A_TIME: &str = "[jobs]\nmax_concurrent_runs = 1";

fn owner(run: &Value) -> &str {
    run["run"]["owner"].as_str().unwrap()
}

#[test]
fn a_run_asked_of_a_standby_runs_there() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("work", "", &[mark("work")]));
    let (a, b) = (site.primary(""), site.standby(""));
    for replica in [&b, &a] {
        let run = replica.fire("work", &[]);
        // Either shows it; it is in the one store.
        let seen = a.sees(&run, "SUCCEEDED");
        assert!(replica.is(owner(&seen)), "{seen}");
        assert_eq!(b.run(&run)["run"], seen["run"]);
    }
}

#[test]
fn a_run_is_cancelled_through_another_replica() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("slow", "", &[sleep("sleep", 600.0)]));
    let (a, b) = (site.primary(""), site.standby(""));
    for (runs_on, asked) in [(&a, &b), (&b, &a)] {
        let run = runs_on.fire("slow", &[]);
        asked.sees(&run, "RUNNING");
        let begin = std::time::Instant::now();
        nomaflow(asked.home.path(), &["job", "cancel", &run]).expect(0);
        let seen = asked.sees(&run, "CANCELED");
        assert!(
            begin.elapsed().as_secs() < 8,
            "within a second for the mark and two for the step: {:?}",
            begin.elapsed()
        );
        assert!(runs_on.is(owner(&seen)), "{seen}");
        assert_eq!(seen["run"]["reason"], "canceled by cli:bob");
        assert_eq!(seen["steps"][0]["status"], "CANCELED");
    }
}

#[test]
fn a_run_that_waits_for_a_label_is_cancelled_though_nobody_has_it() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("work", "placement = \"label:gpu\"", &[mark("work")]));
    let (a, b) = (site.primary(""), site.standby(""));
    let run = a.fire("work", &[]);
    b.sees(&run, "QUEUED");
    nomaflow(b.home.path(), &["job", "cancel", &run]).expect(0);
    assert_eq!(a.sees(&run, "CANCELED")["run"]["started_at"], Value::Null);
}

#[test]
fn a_labelled_run_waits_for_a_process_with_its_label() {
    let postgres = Postgres::start().unwrap();
    let jobs = job("gpu", "placement = \"label:gpu\"", &[mark("work")])
        + &job("plain", "overlap = \"allow\"", &[mark("work")]);
    let site = Site::new(&postgres, &jobs);
    let (a, plain) = (site.primary(""), site.worker("", &[]));
    let other = site.worker("", &["big"]);
    let by_job = a.fire("gpu", &[]);
    let by_trigger = a.fire("plain", &["--placement", "label:gpu"]);
    let (placed_any, placed_here) =
        (a.fire("plain", &["--placement", "any"]), other.fire("plain", &["--placement", "here"]));
    // The others are done, and had time for these.
    a.sees(&placed_any, "SUCCEEDED");
    assert!(other.is(owner(&a.sees(&placed_here, "SUCCEEDED"))));
    for run in [&by_job, &by_trigger] {
        let seen = a.run(run);
        assert_eq!((seen["run"]["status"].clone(), owner(&seen)), (json!("QUEUED"), ""), "{seen}");
    }
    let gpu = site.worker("", &["big", "gpu"]);
    for run in [&by_job, &by_trigger] {
        let seen = a.sees(run, "SUCCEEDED");
        assert!(gpu.is(owner(&seen)), "{seen}\n{}\n{}", plain.tail(), gpu.tail());
    }
    let (status, said) = a.ask("POST", "/admin/jobs/plain/run", "{\"placement\":\"nowhere\"}");
    assert_eq!(status, 422, "{said}");
}

#[test]
fn runs_spread_over_processes_with_room_and_no_process_takes_more_than_it_may() {
    let postgres = Postgres::start().unwrap();
    let keys = "overlap = \"allow\"\nplacement = \"any\"";
    let site = Site::new(&postgres, &job("work", keys, &[mark("begin"), sleep("work", 0.5), mark("end")]));
    let mut session = site.session();
    let room = |n: u32| format!("[jobs]\nmax_concurrent_runs = {n}");
    let server = site.primary(&room(1));
    let workers = [site.worker(&room(2), &[]), site.worker(&room(3), &[])];
    let fired: Vec<String> = (0..18).map(|_| server.fire("work", &[])).collect();
    for run in &fired {
        server.sees(run, "SUCCEEDED");
    }
    let rows = runs(&mut session);
    for (replica, most) in [(&server, 1), (&workers[0], 2), (&workers[1], 3)] {
        let sql = |row: &crate::fleet::RunRow| format!("select min(at), max(at) from marks where run = '{}'", row.id);
        let own = rows.iter().filter(|run| replica.is(&run.owner));
        let spans: Vec<Vec<String>> = own.map(|row| session.rows(&sql(row)).unwrap().remove(0)).collect();
        assert!(!spans.is_empty(), "every process has its share\n{}", replica.tail());
        let at_once = super::limits::most_at_once(&spans);
        assert!(at_once <= most, "{at_once} at once where {most} may be: {spans:?}");
    }
    assert_eq!(session.value("select count(*) from marks").unwrap(), "36", "each ran once");
}

#[test]
fn a_worker_never_becomes_the_primary() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("tick", super::TICK, &[mark("work")]));
    let mut session = site.session();
    let worker = site.worker("", &[]);
    let mut server = site.primary(ONE_AT_A_TIME);
    super::fires_on(&mut session, &[&server, &worker]);
    assert_eq!(worker.scheduler(), "standby");
    server.stop();
    crate::fleet::let_pass(std::time::Duration::from_secs(5));
    assert_eq!(lease(&mut session).0, "", "nobody has it");
    assert_eq!(worker.scheduler(), "standby");
}

#[test]
fn runs_of_a_job_that_queues_keep_their_order_across_replicas() {
    let postgres = Postgres::start().unwrap();
    let keys = "overlap = \"queue\"";
    let site = Site::new(&postgres, &job("work", keys, &[mark("begin"), sleep("work", 0.2), mark("end")]));
    let mut session = site.session();
    let (a, b) = (site.primary(""), site.standby(""));
    let any: &[&str] = &["--placement", "any"];
    let fired: Vec<String> =
        (0..4).flat_map(|_| [a.fire("work", &[]), b.fire("work", &[]), b.fire("work", any)]).collect();
    for run in &fired {
        a.sees(run, "SUCCEEDED");
    }
    let order = "select run, step from marks order by at";
    let order: Vec<(String, String)> =
        session.rows(order).unwrap().into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let expected: Vec<(String, String)> =
        fired.iter().flat_map(|run| ["begin", "end"].map(|step| (run.clone(), step.to_owned()))).collect();
    assert_eq!(order, expected, "oldest first, one at a time");
}

#[test]
fn a_run_that_waits_for_a_process_that_stops_is_run_by_another() {
    let postgres = Postgres::start().unwrap();
    let jobs = job("slow", "", &[sleep("sleep", 2.0)]) + &job("next", "", &[mark("work")]);
    let site = Site::new(&postgres, &jobs);
    for is_killed in [false, true] {
        let (mut a, b): (Replica, Replica) = (site.primary(ONE_AT_A_TIME), site.replica(DEMOTED, &[]));
        let mut b = b;
        b.start();
        let slow = a.fire("slow", &[]);
        let next = a.fire("next", &[]);
        b.sees(&slow, "RUNNING");
        assert_eq!(b.run(&next)["run"]["status"], "QUEUED");
        if is_killed {
            a.kill()
        } else {
            a.stop()
        }
        let seen = b.sees(&next, "SUCCEEDED");
        assert!(b.is(owner(&seen)), "{seen}");
        came(&[&b], "the other run ended", || b.run(&slow)["run"]["finished_at"].is_string());
    }
}

#[test]
fn one_run_at_a_time_holds_across_replicas() {
    let postgres = Postgres::start().unwrap();
    let steps = [sleep("sleep", 600.0)];
    let jobs = job("skip", "", &steps) + &job("newest", "overlap = \"cancel_running\"", &steps);
    let site = Site::new(&postgres, &jobs);
    let (a, b) = (site.primary(""), site.standby(""));
    let first = a.fire("skip", &[]);
    b.sees(&first, "RUNNING");
    let (status, problem) = b.ask("POST", "/admin/jobs/skip/run", "{}");
    assert_eq!((status, &problem["active_run_id"]), (409, &json!(first)), "{problem}");
    nomaflow(b.home.path(), &["job", "cancel", &first]).expect(0);

    let old = a.fire("newest", &[]);
    b.sees(&old, "RUNNING");
    let new = b.fire("newest", &[]);
    let seen = b.sees(&old, "CANCELED");
    assert_eq!(seen["run"]["reason"], format!("canceled by overlap of run {new}"));
    let seen = a.sees(&new, "RUNNING");
    assert!(b.is(owner(&seen)), "{seen}");
    nomaflow(a.home.path(), &["job", "cancel", &new]).expect(0);
    a.sees(&new, "CANCELED");
}

#[test]
fn a_run_is_repeated_through_another_replica_as_it_was_or_as_its_job_is_there() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &job("work", "", &[mark("as-it-was")]));
    let mut session = site.session();
    let (a, b) = (site.primary(""), site.replica("", &[]));
    let mut b = b;
    b.home.write("plugins/test/jobs.toml", job("work", "", &[mark("as-it-is")])).unwrap();
    b.start();
    let first = a.fire("work", &[]);
    a.sees(&first, "SUCCEEDED");
    nomaflow(b.home.path(), &["run", "replay", &first]).expect(0);
    nomaflow(b.home.path(), &["run", "replay", &first, "--current"]).expect(0);
    let steps = session.rows("select step from marks order by at").unwrap().concat();
    assert_eq!(steps, ["as-it-was", "as-it-was", "as-it-is"]);
}
