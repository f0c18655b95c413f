//! Connectors with `driver = "python"`, from the file they are declared in to the rows that arrive. The module behind them
//! is a stand-in that behaves like python-oracledb and keeps its rows in SQLite (`drivers/dbapi_on_sqlite.py`), because no
//! Oracle database can be had here; what the real module says without a database is up to whoever has it.

use std::process::Command;
use std::time::{Duration, Instant};

use test_support::TempHome;

use crate::packages::python;
use crate::program::{Said, command, home_with, root};

/// A home whose connector `erp` is "Oracle" by the stand-in, and `lite` a SQLite file.
fn home(jobs: &str, more: &str) -> TempHome {
    let home = home_with(jobs);
    let text = format!(
        "[pools.erp]\nurl = \"oracle://jde:s3cret@127.0.0.1/erp.db\"\ndriver = \"python\"\n{more}\n[connectors.erp]\ntype = \"sql\"\n\
         [pools.lite]\nurl = \"sqlite:data/lite.db\"\n[connectors.lite]\ntype = \"sql\"\n"
    );
    home.write("connectors.toml", text).unwrap();
    home
}

const STAND_IN: &str = "driver_module = \"dbapi_on_sqlite\"";

fn run(home: &TempHome, arguments: &[&str]) -> Said {
    let mut command = command(home.path());
    command.env("PYTHONPATH", root().join("tests/e2e/drivers")).env("STAND_IN_FOLDER", home.path().join("data"));
    command.args(arguments).output().expect("the program starts").into()
}

/// Runs a script on a SQLite file of the home; the rows of its last SELECT, as Python shows them.
#[track_caller]
fn sqlite(home: &TempHome, file: &str, script: &str) -> String {
    let code = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\nrows = None\n\
                for part in sys.argv[2].split(';'):\n    rows = db.execute(part).fetchall() or rows\n\
                db.commit()\nprint(rows)";
    std::fs::create_dir_all(home.path().join("data")).unwrap();
    let path = home.path().join("data").join(file);
    let done = Command::new(python()).args(["-c", code]).arg(path).arg(script).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

const ORDERS: &str = "create table orders (id number(6), amount number_text(15,2), large number_text(38), name varchar2(20), \
                      picture raw, at timestamp(9), seen timestamp_tz(9))";

fn fill(home: &TempHome) {
    let script = format!(
        "{ORDERS};
         insert into orders values (1, '12.5', '12345678901234567890123456789012345678', 'Größe 🦀', x'00ff',
                                    '2026-01-02T03:04:05.123456789', '2026-01-02T03:04:05.100000000+02:00');
         insert into orders values (2, null, null, null, null, null, null)"
    );
    sqlite(home, "erp.db", &script);
}

#[test]
fn values_of_a_driver_in_python_arrive_digit_by_digit() {
    let home = home("", STAND_IN);
    fill(&home);
    let rows = run(&home, &["--json", "connector", "query", "erp", "select * from orders order by id"]).expect(0);
    let lines: Vec<&str> = rows.out.lines().collect();
    let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    let want = serde_json::json!({
        "id": 1, "amount": "12.50", "large": "12345678901234567890123456789012345678", "name": "Größe 🦀",
        "picture": "00ff", "at": "2026-01-02T03:04:05.123456789", "seen": "2026-01-02T03:04:05.1+02:00",
    });
    assert_eq!(first, want);
    let second: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert!(second.as_object().unwrap().iter().all(|(key, value)| key == "id" || value.is_null()), "{second}");
    // By name, exact, and nothing is written without being asked.
    let asked = ["connector", "query", "erp", "select id from orders where amount = :a or id = :a", "--param", "a=2"];
    assert_eq!(run(&home, &asked).expect(0).out, "id\n2\n");
    run(&home, &["connector", "query", "erp", "delete from orders"]).expect(6);
    let deleted =
        run(&home, &["connector", "query", "erp", "delete from orders where id = :i", "--param", "i=2", "--write"]);
    deleted.expect(0);
    assert_eq!(sqlite(&home, "erp.db", "select count(*) from orders"), "[(1,)]");
}

#[test]
fn a_table_is_copied_out_of_a_driver_in_python_and_into_one() {
    let copy = |id: &str, from: &str, to: &str, table: &str| {
        format!(
            "[[jobs]]\nid = \"{id}\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"sql_copy\"\n\
             source = {{ connector = \"{from}\", table = \"orders\" }}\ntarget = {{ connector = \"{to}\", table = \"{table}\" }}\n"
        )
    };
    let home = home(&(copy("out", "erp", "lite", "orders") + &copy("back", "lite", "erp", "copied")), STAND_IN);
    fill(&home);
    sqlite(
        &home,
        "erp.db",
        "insert into orders (id, amount, name) with recursive n(i) as (select 3 union all select i + 1 from n where i < 3000)
         select i, i || '.25', 'name ' || i from n",
    );
    sqlite(&home, "erp.db", &ORDERS.replace("orders", "copied"));
    run(&home, &["job", "run", "out", "--local"]).expect(0);
    let picked = "select id, amount, large, name, picture, at from orders where id in (1, 2) order by id";
    let first =
        "1, 12.5, '12345678901234567890123456789012345678', 'Größe 🦀', b'\\x00\\xff', '2026-01-02T03:04:05.123456789'";
    assert_eq!(sqlite(&home, "lite.db", picked), format!("[({first}), (2, None, None, None, None, None)]"));
    assert_eq!(sqlite(&home, "lite.db", "select count(*), max(amount) from orders"), "[(3000, 3000.25)]");
    run(&home, &["job", "run", "back", "--local"]).expect(0);
    let back = sqlite(&home, "erp.db", "select count(*), sum(id), max(large), max(name), max(picture) from copied");
    let want = "[(3000, 4501500, '12345678901234567890123456789012345678', 'name 999', b'\\x00\\xff')]";
    assert_eq!(back, want);
}

#[test]
fn a_statement_that_takes_too_long_is_stopped_in_the_driver() {
    let home = home("", &format!("{STAND_IN}\nstatement_timeout_seconds = 1"));
    sqlite(&home, "erp.db", "select 1");
    let begun = Instant::now();
    let endless =
        "select i from (with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as i from n)";
    run(&home, &["connector", "query", "erp", endless]).expect(1).saying(&["took longer than 1 s and was stopped"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_missing_module_is_named_with_the_line_that_installs_it() {
    let home = home("", "driver_module = \"no_such_driver\"");
    let said = run(&home, &["connector", "test", "erp"]).expect(1);
    said.saying(&["`no_such_driver` cannot be imported", "-m pip install no_such_driver"]);
    let refused = home_with("");
    let text = "[pools.pg]\nurl = \"postgres://a@h/d\"\ndriver = \"python\"\n[connectors.pg]\ntype = \"sql\"\n";
    refused.write("connectors.toml", text).unwrap();
    run(&refused, &["connector", "test", "pg"]).expect(3).saying(&["its database is `postgres`"]);
}

#[test]
fn a_login_that_is_refused_says_why_and_not_with_what() {
    let home = home("", &format!("{STAND_IN}\npassword = \"wr0ng\""));
    let said = run(&home, &["connector", "test", "erp"]).expect(1);
    assert!(said.all().contains("ORA-01017") && !said.all().contains("wr0ng"), "{}", said.all());
}
