//! The database itself goes away under load: stopped in order, stopped at once, killed; and comes back. The processes live
//! on, say that something is wrong, and afterwards every slot is decided. What a step writes goes to a database that stays,
//! so nothing may be repeated and nothing may fail: no process was lost.

use std::process::Command;
use std::time::{Duration, Instant};

use test_support::{Postgres, Session, Shutdown, TempHome};

use super::{Books, Dice, THE_END, Times, rounds};
use crate::fleet::{Replica, Site, came, in_flight, job, let_pass, query_on};
use crate::program::nomaflow;

/// Whoever watches over processes does not wait longer for an answer.
const ANSWERS: Duration = Duration::from_secs(5);
/// Slots may be found a minute late; so the server must be away for less.
const LONGEST: Duration = Duration::from_secs(40);

fn jobs() -> String {
    let work = query_on("file", "work", "insert into marks (job, run) values (:job, :run)");
    let keys = |more: &str| format!("schedule = \"* * * * * *\"\n{more}");
    job("allow-a", &keys("overlap = \"allow\""), std::slice::from_ref(&work))
        + &job("allow-b", &keys("overlap = \"allow\""), std::slice::from_ref(&work))
        + &job("queue", &keys("overlap = \"queue\""), std::slice::from_ref(&work))
}

/// Runs Python on the file of marks.
fn python(file: &std::path::Path, script: &str) -> String {
    let script = format!("import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=30)\n{script}");
    let output = Command::new("python3").args(["-c", &script]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_slot_is_lost_when_the_database_goes_away_and_comes_back_under_load() {
    let (mut dice, begun) = (Dice::new("the database goes away"), Instant::now());
    let file_home = TempHome::new().unwrap();
    let file = file_home.write("marks.db", "").unwrap();
    python(&file, "db.execute('pragma journal_mode = wal')\ndb.execute('create table marks (job, run)')");
    let postgres = Postgres::start_private().unwrap();
    let connector = format!("[pools.file]\nurl = \"sqlite:{}\"\n[connectors.file]\ntype = \"sql\"\n", file.display());
    let site = Site::new(&postgres, &jobs()).with_connectors(&connector);
    let mut replicas = [site.primary(""), site.standby("")];
    let [mut answered, mut recovered] = [Times::default(), Times::default()];
    let rounds = rounds(16);
    for round in 0..rounds {
        let mut session = site.session();
        let since = session.value("select now()").unwrap();
        goes_on(&mut session, &replicas, &since);
        let_pass(dice.milliseconds(1000));
        let how = [Shutdown::Fast, Shutdown::Immediate, Shutdown::Kill][round % 3];
        let away = Instant::now();
        postgres.stop_server(how).unwrap();
        // Half of the time for a moment only, half of the time until everybody has noticed.
        if dice.below(2) == 0 {
            let_pass(dice.milliseconds(4000));
        } else {
            for replica in &replicas {
                answered.0.push(says_error(replica));
            }
            let (status, answer) = replicas[dice.below(2)].ask("POST", "/admin/jobs/allow-a/run", "{}");
            assert!(status >= 500, "a run that cannot be recorded is refused: {status} {answer}");
        }
        postgres.start_server().unwrap();
        assert!(away.elapsed() < LONGEST, "the server was away for {:?}", away.elapsed());
        let back = Instant::now();
        came(&both(&replicas), &format!("one active, one standby after {how:?}"), || {
            let mut states = replicas.each_ref().map(Replica::scheduler);
            states.sort();
            states == ["active", "standby"]
        });
        let mut session = site.session();
        let now = session.value("select now()").unwrap();
        goes_on(&mut session, &replicas, &now);
        recovered.0.push(back.elapsed());
        for replica in &mut replicas {
            assert!(replica.host().is_running(), "{}", replica.tail());
        }
    }
    let (answered, recovered) = (answered.sorted(), recovered.sorted());
    println!("{rounds} rounds in {:.0?}", begun.elapsed());
    println!("health answers while the database is away: {answered}");
    println!("all jobs go on after its return: {recovered}");

    let mut session = site.session();
    nomaflow(replicas[0].home.path(), &["scheduler", "pause", "--reason", THE_END]).expect(0);
    came(&both(&replicas), "all runs end", || in_flight(&mut session) == 0);
    for replica in &mut replicas {
        replica.stop();
    }
    let mut books = Books::read(&mut session);
    let marks = python(&file, "for row in db.execute('select run, count(*) from marks group by run'): print(*row)");
    let mark = |line: &str| {
        let (run, count) = line.split_once(' ').unwrap();
        ((run.to_owned(), "work".to_owned()), count.parse().unwrap())
    };
    books.marks = marks.lines().map(mark).collect();
    books.assert_nothing_lost_or_doubled(|_| false);
    for run in books.runs.iter().filter(|run| !run.job.starts_with('_')) {
        assert_eq!(run.status, "SUCCEEDED", "its process lives: {run:?}");
        assert_eq!(books.executions(run, "work"), 1, "{run:?}");
    }
}

/// Waits until every job has a slot that was due after `since`.
fn goes_on(session: &mut Session, replicas: &[Replica; 2], since: &str) {
    let sql = format!("select count(distinct job_id) from ly2_slots where due_at > '{since}'");
    came(&both(replicas), "all jobs go on", || session.value(&sql).unwrap() == "3");
}

/// Waits until health says that something is wrong; how long its last answer took.
fn says_error(replica: &Replica) -> Duration {
    let mut took = Duration::ZERO;
    came(&[replica], "health says error", || {
        let asked = Instant::now();
        let (status, health) = replica.get("/admin/jobs/health");
        took = asked.elapsed();
        (status, health["scheduler"].as_str()) == (503, Some("error"))
    });
    assert!(took < ANSWERS, "health takes {took:?} to say that the database is away");
    assert_eq!(replica.get("/healthz").0, 200, "the process is up");
    took
}

fn both(replicas: &[Replica; 2]) -> [&Replica; 2] {
    replicas.each_ref()
}
