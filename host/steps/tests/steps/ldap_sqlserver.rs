//! `ldap_sync` from a private OpenLDAP server into a table of SQL Server, at the edge of its protocol: what is said to the
//! server, in which order and in which transaction. No real SQL Server can be had by these tests.

use host_model::StepErrorKind;
use host_model::job::spec::{DeleteMode, LdapSyncSpec};
use serde_json::json;
use test_support::Slapd;

use crate::ldap_sync::{people, spec, sync, units, with_directory};
use crate::tds::{Answer, Table, Tds, cell};

/// A server with a table `people`, which answers `last` to the last statement of a synchronization.
async fn server(last: fn() -> Answer) -> Tds {
    let table = |columns: &[&'static str]| Table {
        columns: columns.iter().map(|name| (*name, cell::nvarchar(80))).collect(),
        rows: Vec::new(),
    };
    let whole = table(&["login", "name", "email"]);
    let keys = table(&["login"]);
    let counts = Table {
        columns: vec![("", vec![0x26, 8]), ("", vec![0x26, 8])],
        rows: vec![[8_i64, 1].map(|n| cell::short(&n.to_le_bytes())).to_vec()],
    };
    Tds::start(move |sql| match sql {
        sql if sql.starts_with("select * from \"people\"") => Answer::Rows(whole.clone()),
        sql if sql.starts_with("select top 1") => Answer::Rows(keys.clone()),
        sql if sql.starts_with("select (select count(*)") => Answer::Rows(counts.clone()),
        sql if sql.starts_with("update t set") => Answer::Done(2),
        sql if sql.starts_with("insert into \"people\"") => Answer::Done(3),
        sql if sql.starts_with("delete t from") => last(),
        _ => Answer::Done(0),
    })
    .await
}

fn hard() -> LdapSyncSpec {
    LdapSyncSpec { delete_mode: DeleteMode::Hard, ..spec("erp") }
}

#[tokio::test]
async fn a_table_of_sql_server_is_brought_up_to_date_in_one_transaction() {
    let directory = Slapd::start(&(units() + &people(0..10)), 1000).unwrap();
    let server = server(|| Answer::Done(1)).await;
    let bench = with_directory(crate::sqlserver::set(&server.url()), directory.url()).build();
    let done =
        sync(&bench, &LdapSyncSpec { page_size: 4, ..hard() }).await.unwrap_or_else(|e| panic!("{e}\n{}", e.detail));
    let want = json!({"fetched": 10, "upserted": 5, "inserted": 3, "updated": 2, "deleted": 1, "unchanged": 5});
    assert_eq!(json!(done.output), want);
    assert_eq!(done.rows_affected, Some(6));
    let journal = server.journal();
    let staged = journal.iter().filter(|line| line.starts_with("insert into \"#nomaflow_ldap_sync\"")).count();
    assert_eq!(staged, 3, "a statement for each page: {journal:#?}");
    // One session from the staging table to the end of it, and the live table in its last transaction only.
    assert_eq!(journal.iter().filter(|line| line.starts_with("login")).count(), 1, "{journal:#?}");
    let from = journal.iter().rposition(|line| line == "begin").unwrap();
    let steps = [
        "begin",
        "select (select count(*) from \"people\" as t",
        "update t set",
        "insert into \"people\"",
        "delete t from \"people\" as t where not exists",
        "commit",
        "drop table #nomaflow_ldap_sync",
    ];
    for (line, step) in journal[from..].iter().zip(steps) {
        assert!(line.starts_with(step), "{step}: {journal:#?}");
    }
    assert!(
        journal[..from].iter().all(|line| !line.contains(" \"people\" ") || line.starts_with("select")),
        "{journal:#?}"
    );
}

#[tokio::test]
async fn what_sql_server_refuses_at_the_end_undoes_all_of_it() {
    let directory = Slapd::start(&(units() + &people(0..10)), 1000).unwrap();
    let refusal = || Answer::Error(547, 16, "The DELETE statement conflicted with the REFERENCE constraint 'fk'.");
    let server = server(refusal).await;
    let bench = with_directory(crate::sqlserver::set(&server.url()), directory.url()).build();
    let error = sync(&bench, &hard()).await.unwrap_err();
    assert!(error.message.contains("REFERENCE constraint 'fk'"), "{error}");
    assert_eq!((error.kind, error.may_retry), (StepErrorKind::Remote, false));
    server.wait_for("gone").await;
    let journal = server.journal();
    let from = journal.iter().rposition(|line| line == "begin").unwrap();
    assert!(journal[from..].iter().all(|line| line != "commit"), "{journal:#?}");
}
