//! Search over the logs of all runs, from the command line and over REST: what is written is found at once, by whoever may
//! see the runs, until it is pruned; a store from before the index is indexed beside its work.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use test_support::{Host, TempHome, wait_until};

use crate::program::{CONNECTOR, home_with, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};

const SOON: Duration = Duration::from_secs(30);

/// Two jobs that fail, each with the name of a table that is not there.
fn home() -> TempHome {
    let jobs = sql_job("north", "select * from orders_north") + &sql_job("south", "select * from orders_south");
    let home = home_with(&jobs);
    home.write("connectors.toml", CONNECTOR).unwrap();
    home
}

fn search(host: &Host, token: &str, query: &str) -> (u16, Value) {
    let path = format!("/admin/logs/search?{query}");
    let (status, _, body) = http(host.url(), "GET", &path, &[("Authorization", token)], "");
    (status, json_body(&body))
}

/// The jobs of the hits, each once, in the order of the hits.
fn jobs_of(page: &Value) -> Vec<&str> {
    let mut jobs: Vec<&str> =
        page["hits"].as_array().unwrap().iter().map(|hit| hit["job_id"].as_str().unwrap()).collect();
    jobs.dedup();
    jobs
}

/// Changes the store past the program.
fn change(home: &TempHome, sql: &str) {
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.executescript(sys.argv[2])\ndb.commit()\n";
    let file = home.path().join("data/nomaflow.db");
    let output = Command::new("python3").args(["-c", script]).arg(file).arg(sql).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_line_is_found_as_soon_as_it_is_written_by_whoever_may_see_its_run() {
    let home = home();
    let host = serve(&home);
    let everything = bearer(&home);
    for job in ["north", "south"] {
        nomaflow(home.path(), &["job", "run", job]).expect(1);
    }
    let began = Instant::now();
    let found = || jobs_of(&search(&host, &everything, "q=%22no+such+table%22+orders*").1) == ["south", "north"];
    wait_until(SOON, found).or_panic("the lines of both runs");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let (status, page) = search(&host, &everything, "q=orders_south&level=error&limit=1");
    let hit = &page["hits"][0];
    let text: Vec<u16> = hit["text"].as_str().unwrap().encode_utf16().collect();
    let mark = |n: usize| hit["marks"][0][n].as_u64().unwrap() as usize;
    assert_eq!((status, String::from_utf16_lossy(&text[mark(0)..mark(1)])), (200, "orders_south".to_owned()), "{page}");
    let cursor = page["next_cursor"].as_str().unwrap();
    let (_, rest) = search(&host, &everything, &format!("q=orders_south&level=error&cursor={cursor}"));
    assert!(rest["next_cursor"].is_null() && rest["hits"][0]["number"] != hit["number"], "{rest}");

    // Somebody who may see one job finds its lines and no others.
    nomaflow(home.path(), &["user", "add", "robot", "-p", "job:north"]).expect(0);
    let token = nomaflow(home.path(), &["token", "create", "ci", "--user", "robot"]).expect(0);
    let token = token.out.lines().last().unwrap().trim();
    let narrow = format!("Bearer {token}");
    assert_eq!(jobs_of(&search(&host, &narrow, "q=orders*").1), ["north"]);
    assert!(jobs_of(&search(&host, &narrow, "q=orders*&job=south").1).is_empty());
    let (status, refused) = search(&host, &everything, "q=%22orders");
    assert_eq!(status, 422);
    assert!(refused["detail"].as_str().unwrap().contains("the quote at character 1 is not closed"), "{refused}");
}

#[test]
fn the_command_shows_hits_by_run_and_says_when_there_are_none() {
    let home = home();
    let local = |arguments: &[&str]| nomaflow(home.path(), &[&["--local"], arguments].concat());
    local(&["job", "run", "north"]).expect(1);
    local(&["logs", "search", "no such table", "orders_north"]).expect(0).saying(&[
        "of job north",
        "ERROR",
        "step `q` failed",
    ]);
    local(&["logs", "search", "orders_north", "--job", "south"]).expect(0).saying(&["no line has these words"]);
    local(&["logs", "search", "orders_north", "--to", "2020-01-01T00:00:00Z"]).expect(0).saying(&["no line has"]);
    local(&["logs", "search", "o*"]).expect(2).saying(&["`o*` is too short"]);
    let page = local(&["--json", "logs", "search", "orders_north", "--limit", "1"]).expect(0).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    local(&["logs", "search", "orders_north", "--cursor", cursor]).expect(0).saying(&["of job north"]);
}

#[test]
fn pruned_runs_are_not_found() {
    let home = home();
    let local = |arguments: &[&str]| nomaflow(home.path(), &[&["--local"], arguments].concat());
    local(&["job", "run", "north"]).expect(1);
    // The run becomes an old one, with everything that belongs to it.
    let old = "0000000000001";
    change(
        &home,
        &format!(
            "update ly2_job_logs set run_id = '{old}'; update ly2_log_blocks set run_id = '{old}'; \
             update ly2_step_runs set run_id = '{old}'; \
             update ly2_job_runs set id = '{old}', queued_at = '2020-01-01T00:00:00.000Z', \
             started_at = '2020-01-01T00:00:00.000Z', finished_at = '2020-01-01T00:00:01.000Z'"
        ),
    );
    local(&["logs", "search", "orders_north"]).expect(0).saying(&[old]);
    local(&["job", "run", "_internal-prune-runs"]).expect(0);
    local(&["logs", "search", "orders_north"]).expect(0).saying(&["no line has these words"]);
}

#[test]
fn lines_from_before_the_index_are_found_after_a_while() {
    let home = home();
    nomaflow(home.path(), &["--local", "job", "run", "north"]).expect(1);
    // As the migration leaves a store that has lines already. The trigger needs a newer SQLite than Python may have.
    change(
        &home,
        "drop trigger ly2_log_blocks_gone; delete from ly2_log_blocks; \
         insert into ly2_log_backlog (id, run_id) select 1, max(run_id) from ly2_job_logs;",
    );
    let host = serve(&home);
    let token = bearer(&home);
    wait_until(SOON, || jobs_of(&search(&host, &token, "q=orders_north").1) == ["north"]).or_panic("the older lines");
    wait_until(SOON, || search(&host, &token, "q=north").1["indexed_from"].is_null()).or_panic("the end of the work");
}
