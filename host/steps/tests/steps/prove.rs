//! What a database says of a query that is not run.

use host_model::StepErrorKind;
use host_model::desk::{StatementReport, Verdict};
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::Postgres;

use crate::kit::{Bench, Set};

async fn look(bench: &Bench, query: &str) -> Vec<StatementReport> {
    bench.pools.prove("ops", query, &bench.cancel).await.unwrap_or_else(|e| panic!("{query}: {e}"))
}

fn columns(report: &StatementReport) -> Vec<&str> {
    match &report.verdict {
        Verdict::Sound { columns } => columns.iter().map(|column| column.name.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

fn wrong(report: &StatementReport) -> &str {
    match &report.verdict {
        Verdict::Wrong { message, .. } => message,
        other => panic!("{other:?}"),
    }
}

fn unknown(report: &StatementReport) -> &str {
    match &report.verdict {
        Verdict::Unknown { why } => why,
        other => panic!("{other:?}"),
    }
}

/// What holds of every database that prepares statements.
pub(crate) async fn check(bench: &Bench) {
    bench.run_query("ops", "create table p (i integer, x varchar(10))", json!({})).await.unwrap();

    let read = &look(bench, "select i, x as name from p where i > :low and x <> :other and i < :low").await[0];
    assert_eq!((columns(read), read.params.as_slice()), (vec!["i", "name"], &["low".to_owned(), "other".into()][..]));
    assert_eq!((read.keyword.as_str(), read.line, read.column), ("select", 1, 1));

    // Looked at, and not run.
    let several = look(bench, "insert into p values (:a, 'x;y');\n\n  update p set x = :a;\ndelete from p").await;
    let said: Vec<_> = several.iter().map(|it| (it.keyword.as_str(), it.line, it.column, columns(it).len())).collect();
    assert_eq!(said, [("insert", 1, 1, 0), ("update", 3, 3, 0), ("delete", 4, 1, 0)]);
    look(bench, "insert into p values (1, 'a')").await;
    assert_eq!(bench.rows("ops", "select count(*) from p").await, [[Value::Int(0)]]);

    let missing = &look(bench, "select 1;\nselect *\nfrom nowhere_at_all").await[1];
    assert!(wrong(missing).contains("nowhere_at_all"), "{missing:?}");
    let misspelled = &look(bench, "select i from p; select i\nform p where i = :x").await[1];
    assert!(wrong(misspelled).contains("syntax") || wrong(misspelled).contains("form"), "{misspelled:?}");
    assert!(misspelled.line >= 1, "{misspelled:?}");
    assert_eq!(misspelled.params, ["x"], "known all the same");

    // What only a run can tell.
    let after = look(bench, "create table q (i int); select i from q").await;
    assert!(unknown(&after[1]).contains("follows `create`"), "{after:?}");
    assert_eq!(bench.run_query("ops", "select i from q", json!({})).await.unwrap_err().kind, StepErrorKind::Remote);
    assert!(unknown(&look(bench, "select i from p_${month.current}").await[0]).contains("${…}"));
    assert!(wrong(&look(bench, "delete from p; commit").await[1]).contains("one transaction already"));

    // By name, with the access of its declaration.
    assert_eq!(columns(&look(bench, "named").await[0]), ["n"]);
    assert!(wrong(&look(bench, "clear").await[0]).contains("reading only"));
    assert_eq!(columns(&look(bench, "clear:write").await[0]), [""; 0]);
    assert!(look(bench, "-- nothing").await.is_empty());
    for (query, words) in [("nameed", "did you mean `named`?"), ("select 'abc", "no end for the `'`")] {
        let error = bench.pools.prove("ops", query, &bench.cancel).await.unwrap_err();
        assert!(error.kind == StepErrorKind::Definition && error.message.contains(words), "{error}");
    }
}

pub(crate) fn with_queries(set: Set) -> Bench {
    set.query("ops", "named", "select count(*) as n from p where i >= :low", false)
        .query("ops", "clear", "delete from p", true)
        .build()
}

#[tokio::test]
async fn sqlite_says_what_it_makes_of_a_query_without_running_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.db");
    let bench = with_queries(Set::default().sqlite("ops", &path));
    let absent = bench.pools.prove("ops", "insert into p values (1)", &bench.cancel).await.unwrap_err();
    assert!(absent.message.contains("does not exist") && !path.exists(), "{absent}");
    check(&bench).await;

    let wrong_column = &look(&bench, "select i,\n  nosuch\nfrom p").await[0];
    assert_eq!((wrong(wrong_column), wrong_column.line, wrong_column.column), ("no such column: nosuch", 2, 3));
    let pragma = look(&bench, "pragma user_version = 7").await;
    assert!(unknown(&pragma[0]).contains("pragma"), "{pragma:?}");
    assert_eq!(bench.rows("ops", "select user_version from pragma_user_version").await, [[Value::Int(0)]]);
    assert!(wrong(&look(&bench, "select ?").await[0]).contains("`:name`"));
    let clever = with_queries(Set::default().sqlite("ops", &path).query(
        "ops",
        "clever",
        "with n as (select 1) insert into p select 1, 'a' from n",
        false,
    ));
    assert!(wrong(&look(&clever, "clever").await[0]).contains("reading only"));
}

#[tokio::test]
async fn postgres_says_what_it_makes_of_a_query_without_running_it() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let bench = with_queries(Set::default().postgres("ops", database.url()));
    check(&bench).await;

    let wrong_column = &look(&bench, "select 'ž', :a::int, -- why\n  nosuch from p").await[0];
    assert_eq!((wrong_column.line, wrong_column.column), (2, 3), "{wrong_column:?}");
    let hinted = look(&bench, "select ii from p").await;
    assert!(
        matches!(&hinted[0].verdict, Verdict::Wrong { hint: Some(hint), .. } if hint.contains("p.i")),
        "{hinted:?}"
    );
    assert!(unknown(&look(&bench, "drop table nowhere_at_all").await[0]).contains("looked up when it runs"));
    // A function that writes is prepared, and not called.
    bench.run_query("ops", "create sequence s", json!({})).await.unwrap();
    look(&bench, "select nextval('s')").await;
    assert_eq!(bench.rows("ops", "select is_called from s").await, [[Value::Bool(false)]]);
}
