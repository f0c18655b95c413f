//! Runs whose process is killed: failed, or gone on with in another process or after a restart, at the first step that had
//! not ended.

use std::process::Command;

use serde_json::{Value, json};
use test_support::{Postgres, Session, wait_until};

use crate::fleet::{Replica, SOON, Site, came, job, mark, query};
use crate::program::{CONNECTOR, home_with, latest_run, nomaflow, serve};

/// `second` waits as long as the gate is shut; a sequence counts its beginnings, since what it writes would be rolled back.
fn jobs() -> String {
    let first = query("first", "insert into marks (job, run, step) values (:job, :run, 'first') returning 42 as n");
    let second = "select nextval('beginnings') as n, pg_sleep(case when exists (select from gate) then 0 else 120 end), \
                  cast(:job as text) as job, cast(:run as text) as run";
    let third = "[[jobs.steps]]\nname = \"third\"\ntype = \"sql_query\"\nconnector = \"db\"\n\
                 query = \"insert into results (run, n) values (:run, :n)\"\n\
                 params = { run = \"${run.id}\", n = \"${steps.first.rows.0.n}\" }\n";
    let steps = |more: &str| [first.clone(), query("second", second) + more, third.to_owned(), mark("last")];
    let resume = "on_restart = \"resume\"";
    job("resume", resume, &steps(""))
        + &job("fail", "", &steps(""))
        + &job("once", resume, &steps("resumable = false\n"))
}

const TABLES: &str = "create table gate (x int); create table results (run text, n int); create sequence beginnings";

fn beginnings(session: &mut Session) -> u32 {
    session.value("select case when is_called then last_value else 0 end from beginnings").unwrap().parse().unwrap()
}

/// Two processes, and a run of `job` in the first that is in its second step when that is killed.
fn killed_in_second_step(site: &Site<'_>, session: &mut Session, job: &str) -> (Replica, String) {
    for table in TABLES.split(';') {
        session.rows(table).unwrap();
    }
    let (mut a, b) = (site.primary(""), site.standby(""));
    let run = a.fire(job, &[]);
    came(&[&a, &b], "the second step begins", || beginnings(session) == 1);
    session.rows("insert into gate values (1)").unwrap();
    a.kill();
    (b, run)
}

fn attempts(run: &Value) -> Vec<(String, u64, String)> {
    let step = |step: &Value| {
        let text = |key: &str| step[key].as_str().unwrap().to_owned();
        (text("name"), step["attempt"].as_u64().unwrap(), text("status"))
    };
    run["steps"].as_array().unwrap().iter().map(step).collect()
}

fn is(name: &str, attempt: u64, status: &str) -> (String, u64, String) {
    (name.to_owned(), attempt, status.to_owned())
}

#[test]
fn a_run_that_may_resume_goes_on_in_another_process_at_the_step_that_had_not_ended() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &jobs());
    let mut session = site.session();
    let (b, run) = killed_in_second_step(&site, &mut session, "resume");
    let seen = b.sees(&run, "SUCCEEDED");
    assert!(b.is(seen["run"]["owner"].as_str().unwrap()), "{seen}");
    let expected = [
        is("first", 1, "SUCCEEDED"),
        is("second", 1, "FAILED"),
        is("second", 2, "SUCCEEDED"),
        is("third", 1, "SUCCEEDED"),
        is("last", 1, "SUCCEEDED"),
    ];
    assert_eq!(attempts(&seen), expected, "{seen}");
    assert_eq!(seen["steps"][1]["error"]["kind"], "crashed");
    assert_eq!(beginnings(&mut session), 2, "the step that was lost is repeated once");
    let marks = session.rows("select step, count(*) from marks group by step order by step").unwrap();
    assert_eq!(marks, [["first", "1"], ["last", "1"]], "what had ended is not repeated");
    let results = session.rows("select run, n from results").unwrap();
    assert_eq!(results, [[run.as_str(), "42"]], "templates see what the first step returned in the other process");
}

#[test]
fn a_run_that_may_not_resume_fails_and_its_later_steps_are_recorded() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &jobs());
    let mut session = site.session();
    for name in ["fail", "once"] {
        let (b, run) = killed_in_second_step(&site, &mut session, name);
        let seen = b.sees(&run, "FAILED");
        assert_eq!(seen["run"]["reason"], "lost in restart");
        let error = seen["run"]["error"].as_str().unwrap();
        assert_eq!(error.contains("step `second` is not resumable"), name == "once", "{error}");
        let expected = [
            is("first", 1, "SUCCEEDED"),
            is("second", 1, "FAILED"),
            is("third", 1, "CANCELED"),
            is("last", 1, "CANCELED"),
        ];
        assert_eq!(attempts(&seen), expected, "{seen}");
        assert_eq!(seen["steps"][2]["reason"], "skipped: earlier step failed");
        assert_eq!(beginnings(&mut session), 1);
        drop(b);
        session.rows("drop table gate, results").unwrap();
        session.rows("drop sequence beginnings").unwrap();
    }
}

#[test]
fn a_run_keeps_its_definition_when_another_process_with_other_files_goes_on_with_it() {
    let postgres = Postgres::start().unwrap();
    let site = Site::new(&postgres, &jobs());
    let mut session = site.session();
    for table in TABLES.split(';') {
        session.rows(table).unwrap();
    }
    let (mut a, mut b) = (site.primary(""), site.replica("", &[]));
    // The second process has never heard of the job.
    b.home.write("plugins/test/jobs.toml", "").unwrap();
    b.start();
    let run = a.fire("resume", &[]);
    came(&[&a, &b], "the second step begins", || beginnings(&mut session) == 1);
    session.rows("insert into gate values (1)").unwrap();
    a.kill();
    assert_eq!(b.sees(&run, "SUCCEEDED")["steps"].as_array().unwrap().len(), 5);
    assert_eq!(session.rows("select n from results").unwrap(), [["42"]]);
}

/// Runs Python on the SQLite database of a home's connector.
fn sqlite(home: &test_support::TempHome, script: &str) -> String {
    let script = format!("import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1], timeout=30)\n{script}\ndb.commit()");
    let output = Command::new("python3").args(["-c", &script]).arg(home.path().join("data/test.db")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_run_goes_on_after_a_restart_on_sqlite() {
    let step = |name: &str, sql: &str| {
        format!("[[jobs.steps]]\nname = \"{name}\"\ntype = \"sql_query\"\nconnector = \"db\"\nquery = '''{sql}'''\n")
    };
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n where i < (select most from gate)) \
                   select count(*) as n from n";
    let steps = step("first", "insert into marks values ('first')")
        + &step("second", endless)
        + &step("third", "insert into marks values ('third')");
    let home = home_with(&format!("[[jobs]]\nid = \"long\"\non_restart = \"resume\"\n{steps}"));
    home.write("connectors.toml", CONNECTOR).unwrap();
    sqlite(&home, "db.executescript('create table marks (step); create table gate as select 20000000000 as most')");
    let host = serve(&home);
    let run = nomaflow(home.path(), &["job", "run", "long", "--detach"]).expect(0).out.trim().to_owned();
    let show = || nomaflow(home.path(), &["--json", "run", "show", &run]).expect(0).json();
    wait_until(SOON, || show()["steps"][1]["status"] == "RUNNING").or_panic("the second step runs");
    host.kill();
    sqlite(&home, "db.execute('update gate set most = 10')");
    let host = serve(&home);
    wait_until(SOON, || show()["run"]["status"] == "SUCCEEDED").or_panic("the run goes on");
    let shown = show();
    let expected = [
        is("first", 1, "SUCCEEDED"),
        is("second", 1, "FAILED"),
        is("second", 2, "SUCCEEDED"),
        is("third", 1, "SUCCEEDED"),
    ];
    assert_eq!(attempts(&shown), expected);
    let marks = sqlite(&home, "print([row[0] for row in db.execute('select step from marks order by rowid')])");
    assert_eq!(marks.trim(), "['first', 'third']");
    assert_eq!(latest_run(home.path(), false, "long")["id"], json!(run));
    assert!(host.stop(SOON).unwrap().success());
}
