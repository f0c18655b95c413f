//! `nomaflow connector`: what is declared, whether it answers, what it holds. Against a SQLite file, a PostgreSQL server and
//! an LDAP server of our own.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;
use test_support::{Postgres, Slapd, TempHome, free_port, wait_until};

use crate::program::{command, home_with, nomaflow, root};

pub(crate) const LDIF: &str =
    "dn: dc=nomaflow,dc=test\nobjectClass: dcObject\nobjectClass: organization\no: Nomaflow\ndc: nomaflow\n";

const LITE: &str = "[pools.lite]\nurl = \"sqlite:data/test.db\"\n[connectors.lite]\ntype = \"sql\"\n";

fn postgres(url: &str) -> String {
    format!(
        "[pools.erp]\nurl = \"{url}\"\n[connectors.erp]\ntype = \"sql\"\n\
         [connectors.erp.queries.numbers]\nsql = \"select n::int from generate_series(:from::int, :to::int) n\"\n\
         [connectors.erp.queries.add]\nsql = \"insert into t values (:i, 'added')\"\nwritable = true\n"
    )
}

fn directory(url: &str, password: &str) -> String {
    format!(
        "[connectors.people]\ntype = \"ldap\"\nurl = \"{url}\"\nbind_dn = \"{}\"\npassword = \"{password}\"\nbase = \"{}\"\n",
        Slapd::ACCOUNT,
        Slapd::SUFFIX
    )
}

fn home(connectors: &[&str]) -> TempHome {
    let home = home_with("");
    home.write("connectors.toml", connectors.concat()).unwrap();
    home
}

#[test]
fn a_list_names_everything_but_credentials() {
    let home = home(&[
        LITE,
        &postgres("postgres://bob:s3cret@db.example:5433/sales?application_name=x"),
        &directory("ldap://127.0.0.1:1", "s3cret"),
    ]);
    let list = nomaflow(home.path(), &["--json", "connector", "list"]).expect(0);
    assert!(!list.all().contains("s3cret"), "{}", list.all());
    let path = home.path().join("data/test.db").display().to_string();
    let entry = |name, dialect, place: &str, queries| {
        json!({ "name": name, "kind": "sql", "dialect": dialect, "pool": name, "where": place, "read_only": false,
                "queries": queries })
    };
    let want = json!({ "connectors": [
        entry("erp", "postgres", "postgres://bob@db.example:5433/sales", json!(["add:write", "numbers"])),
        entry("lite", "sqlite", &format!("sqlite:{path}"), json!([])),
        json!({ "name": "people", "kind": "ldap", "dialect": null, "pool": null, "read_only": true, "queries": [],
                "where": "ldap://127.0.0.1:1/dc=nomaflow,dc=test" }),
    ]});
    assert_eq!(list.json(), want);
    let shown = nomaflow(home.path(), &["connector", "list"]).expect(0);
    assert_eq!(shown.out.lines().count(), 4, "{}", shown.out);
    assert!(shown.out.contains("add:write, numbers") && !shown.out.contains("s3cret"), "{}", shown.out);
    // What cannot be read is said, and the rest is listed.
    let broken = home.read("connectors.toml").unwrap() + "[connectors.odd]\ntype = \"sql\"\npool = \"none\"\n";
    home.write("connectors.toml", broken).unwrap();
    nomaflow(home.path(), &["connector", "list"]).expect(3).saying(&[
        "erp",
        "uses the pool `none`",
        "connectors.toml:",
    ]);
    nomaflow(home.path(), &["connector", "test", "odd"]).expect(3).saying(&["`odd`", "uses the pool `none`"]);
}

#[test]
fn a_test_says_who_answers_and_how_fast_or_why_nobody_does() {
    let server = Postgres::start().unwrap();
    let slapd = Slapd::start(LDIF, 100).unwrap();
    let declared = [LITE, &postgres(&server.url("postgres")), &directory(slapd.url(), Slapd::PASSWORD)];
    let home = home(&declared);
    let all = nomaflow(home.path(), &["--json", "connector", "test", "--all"]).expect(0).json();
    let tests = all["tests"].as_array().unwrap();
    let names: Vec<&str> = tests.iter().map(|test| test["connector"].as_str().unwrap()).collect();
    assert_eq!(names, ["erp", "lite", "people"]);
    assert!(tests[0]["version"].as_str().unwrap().starts_with("PostgreSQL "), "{all}");
    assert_eq!((&tests[0]["tls"], &tests[1]["tls"], &tests[2]["tls"]), (&json!(false), &json!(null), &json!(false)));
    assert_eq!(tests[2]["version"], Slapd::SUFFIX);
    assert!(tests.iter().all(|test| test["ok"] == true && test["elapsed_ms"].as_f64().unwrap() > 0.0), "{all}");
    let one = nomaflow(home.path(), &["connector", "test", "erp"]).expect(0);
    assert!(one.out.contains("postgres PostgreSQL") && one.out.lines().count() == 2, "{}", one.out);

    // One that does not answer does not keep the others from it.
    let gone = format!("postgres://u:s3cret@127.0.0.1:{}/d", free_port().unwrap());
    home.write("connectors.toml", [LITE, &postgres(&gone), &directory(slapd.url(), "wr0ng")].concat()).unwrap();
    let all = nomaflow(home.path(), &["connector", "test", "--all"]).expect(1).saying(&[
        "lite       ok",
        "connector `erp` cannot reach `postgres://u@127.0.0.1:",
        "the server refuses the account `cn=admin,dc=nomaflow,dc=test`",
    ]);
    assert!(!all.all().contains("s3cret") && !all.all().contains("wr0ng"), "{}", all.all());
    let failed = nomaflow(home.path(), &["--json", "connector", "test", "erp"]).expect(1).json();
    assert_eq!(failed["tests"][0]["ok"], false);
    nomaflow(home.path(), &["connector", "test", "lit"])
        .expect(4)
        .saying(&["no connector `lit`", "did you mean `lite`?"]);
    nomaflow(home.path(), &["connector", "test"]).expect(2);
}

#[test]
fn rows_are_exact_in_every_format() {
    let server = Postgres::start().unwrap();
    let home = home(&[LITE, &postgres(&server.url("postgres"))]);
    let values = "select 12345678901234567890.1234567890::numeric as d, 'infinity'::date as i, null as n, '' as e, \
                  'a,\"b\"' as q, '\\x00ff'::bytea as b, 9223372036854775807 as big, 'NaN'::float8 as f, \
                  '0001-01-01 BC'::date as bc, 1 as big";
    let query = |arguments: &[&str]| nomaflow(home.path(), &[&["connector", "query", "erp"], arguments].concat());
    assert_eq!(
        query(&[values]).expect(0).out,
        "d,i,n,e,q,b,big,f,bc,big\n12345678901234567890.1234567890,infinity,,\"\",\"a,\"\"b\"\"\",\\x00ff,\
         9223372036854775807,NaN,0001-01-01 BC,1\n"
    );
    let line = query(&["--format", "jsonl", values]).expect(0);
    let want = json!({ "d": "12345678901234567890.1234567890", "i": "infinity", "n": null, "e": "", "q": "a,\"b\"",
                       "b": "00ff", "big": 9_223_372_036_854_775_807_i64, "f": "NaN", "bc": "0001-01-01 BC", "big_2": 1 });
    assert_eq!(line.json(), want);
    let table = query(&["--format", "table", "select 1 as one, null as nothing, E'two\\nlines' as t"]).expect(0);
    assert_eq!(table.out, "one  nothing  t\n1    NULL     two\u{240a}lines\n(1 row)\n");
    assert_eq!(query(&["select 1 as x where false"]).expect(0).out, "x\n");
    // More than a batch; a limit; a named query.
    let many = query(&["numbers", "--param", "from=1", "--param", "to=1234"]).expect(0);
    assert_eq!((many.out.lines().count(), many.out.lines().last()), (1235, Some("1234")));
    let cut = query(&["numbers", "--param", "from=1", "--param", "to=600", "--limit", "501"]).expect(0);
    assert_eq!(cut.out.lines().last(), Some("501"));
    cut.saying(&["there are more rows"]);
    let whole = query(&["numbers", "--param", "from=1", "--param", "to=500", "--limit", "500"]).expect(0);
    assert_eq!(whole.err, "", "there are no more");
    // Digits of parameters.
    let exact = query(&["select :x::numeric + 0 as x", "--param", "x=12345678901234567890.10"]).expect(0);
    assert_eq!(exact.out, "x\n12345678901234567890.10\n");
    let lite =
        nomaflow(home.path(), &["--json", "connector", "query", "lite", "select 1.5 as x, x'00ff' as b"]).expect(0);
    assert_eq!(lite.json(), json!({ "x": 1.5, "b": "00ff" }));
}

#[test]
fn nothing_is_written_unless_the_command_says_so() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database.execute("create table t (i int, x text)").unwrap();
    let home = home(&[LITE, &postgres(database.url())]);
    let query = |arguments: &[&str]| nomaflow(home.path(), &[&["connector", "query", "erp"], arguments].concat());
    for text in ["insert into t values (1, 'x')", "add:write"] {
        query(&[text, "--param", "i=1"]).expect(6).saying(&["open for reading only", "--write"]);
    }
    query(&["with w as (insert into t values (1, 'x') returning i) select * from w"])
        .expect(1)
        .saying(&["read-only transaction"]);
    query(&["add", "--param", "i=1", "--write"]).expect(6);
    assert_eq!(database.execute("select count(*) from t").unwrap(), "0");
    assert_eq!(query(&["add:write", "--param", "i=1", "--write"]).expect(0).out, "1 row affected\n");
    assert_eq!(query(&["insert into t values (2, 'y') returning i", "--write"]).expect(0).out, "i\n2\n");
    // What is written does not depend on how much of it is shown.
    let many = "insert into t select n, 'z' from generate_series(1, 2000) n returning i";
    assert_eq!(query(&[many, "--write", "--limit", "1"]).expect(0).out, "i\n1\n");
    assert_eq!(database.execute("select count(*) from t").unwrap(), "2002");
    let changed = nomaflow(home.path(), &["--json", "connector", "query", "erp", "delete from t", "--write"]).expect(0);
    assert_eq!(changed.json(), json!({ "rows_affected": 2002 }));

    query(&["select * from nowhere"]).expect(1).saying(&["relation \"nowhere\" does not exist"]);
    query(&["select 1; select 2"]).expect(2).saying(&["one SQL statement, not 2"]);
    query(&["select :x"]).expect(2).saying(&["`:x`"]);
    query(&["number"]).expect(2).saying(&["no query `number`", "did you mean `numbers`?"]);
    query(&["select 1", "--param", "x"]).expect(2).saying(&["key=value"]);
    nomaflow(home.path(), &["connector", "query", "nobody", "select 1"]).expect(4);
}

#[test]
fn an_interrupted_question_ends_on_the_server_too() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let home = home(&[&postgres(database.url())]);
    let running = "select count(*) from pg_stat_activity where state = 'active' and wait_event = 'PgSleep'";
    for signal in ["INT", "TERM"] {
        let mut asking = command(home.path());
        asking.args(["connector", "query", "erp", "select pg_sleep(60)"]);
        let asking = asking.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let soon = Duration::from_secs(30);
        wait_until(soon, || database.execute(running).unwrap() == "1").or_panic("the statement to run");
        let kill = Command::new("kill").args([format!("-{signal}"), asking.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let said = crate::program::Said::from(asking.wait_with_output().unwrap()).expect(1);
        assert!(said.err.contains("interrupted"), "{}", said.all());
        assert_eq!(database.execute(running).unwrap(), "0", "{signal}");
    }
}

/// The example in `docs/connectors.md`, as a reader copies it.
#[test]
fn the_example_of_the_documentation_is_valid() {
    let page = std::fs::read_to_string(root().join("docs/connectors.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let home = home(&[example]);
    home.write("certs/erp-ca.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = command(home.path());
        command.args(arguments).env("ERP_PASSWORD", "s3cret").env("AD_PASSWORD", "s3cret");
        crate::program::Said::from(command.output().unwrap())
    };
    run(&["check"]).expect(0).saying(&["0 errors, 0 warnings"]);
    let list = run(&["--json", "connector", "list"]).expect(0).json();
    let places: Vec<&str> = list["connectors"].as_array().unwrap().iter().filter_map(|c| c["where"].as_str()).collect();
    let here = format!("sqlite:{}", home.path().join("data/operational.db").display());
    assert_eq!(places, ["postgres://nomaflow@erp.example:5432/sales", &here, "ldaps://ad.example/dc=example"]);
    // Every key of the example is in the table of keys, and the other way round.
    let keys =
        |text: &str| text.lines().filter_map(|l| Some(l.split_once(" = ")?.0.trim().to_owned())).collect::<Vec<_>>();
    for key in keys(example).iter().filter(|key| !key.contains('#')) {
        assert!(page.contains(&format!("| `{key}` |")), "`{key}` has no row in a table");
    }
}
