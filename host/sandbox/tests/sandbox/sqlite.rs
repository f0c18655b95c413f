//! A guest on a real database: what it wrote is what it reads, and what it may not write stays as it was.

use std::path::Path;
use std::sync::Arc;

use host_model::connector::{Connector, ConnectorSet, Dialect, Pool, PoolAddress};
use host_model::port::{Access, Connectors};
use host_model::value::Row;
use host_model::{CancelToken, ConnectorName, StepErrorKind};
use host_steps::ConnectorPools;
use serde_json::json;

use crate::memory_sql::checksum;
use crate::support::{Home, Step};

const TABLE: &str = "create table t (id integer primary key, flag boolean, amount real, price decimal(9, 2), name text,
                     raw blob, day date, moment timestamp, \"nothing\" text)";

/// The connector `c` on a new database with an empty table `t`.
pub(crate) async fn database(folder: &Path) -> Arc<ConnectorPools> {
    let name = ConnectorName::new("c").expect("a name");
    let address = PoolAddress::Sqlite { path: folder.join("operational.db") };
    let pool = Pool::new("c", address, Default::default());
    let connector = Connector {
        name: name.clone(),
        pool: "c".to_owned(),
        dialect: Dialect::Sqlite,
        queries: Default::default(),
        source: Default::default(),
    };
    let (pools, connectors) = ([("c".to_owned(), pool)].into(), [(name, connector)].into());
    let set = ConnectorSet { pools, connectors, ..ConnectorSet::default() };
    let pools = Arc::new(ConnectorPools::new(set));
    let session = pools.open("c", Access::ReadWrite, &CancelToken::new()).await.expect("a session");
    session.execute(TABLE, Vec::new()).await.expect("a table");
    pools
}

/// All rows of a query, by the port and without a guest.
async fn rows(pools: &ConnectorPools, statement: &str) -> Vec<Row> {
    let session = pools.open("c", Access::Read, &CancelToken::new()).await.expect("a session");
    let mut cursor = session.query(statement, Vec::new()).await.expect("a cursor");
    let mut rows = Vec::new();
    loop {
        let batch = cursor.next_batch(1_000).await.expect("rows");
        if batch.is_empty() {
            return rows;
        }
        rows.extend(batch);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_into_sqlite_and_come_back_the_same_by_row_and_by_column() {
    let home = Home::with("rows");
    home.grant("rows", "[grants.connectors]\nc = \"read-write\"\n");
    let pools = database(home.folder.path()).await;
    let step = |params| Step::new(params).connectors(Arc::clone(&pools) as Arc<dyn Connectors>);
    let written = home.run_in("rows:write", &step(json!({"table": "t", "k": 1_200})).ctx).await.expect("writes");
    assert_eq!(written.rows_affected, Some(2_400));
    let statement = "select * from t order by id";
    let expected = rows(&pools, statement).await;
    assert_eq!(expected.len(), 2_400);
    for by_column in [false, true] {
        let params = json!({"statement": statement, "batch": 500, "by_column": by_column});
        let read = home.run_in("rows:read", &step(params).ctx).await.expect("reads").output;
        assert_eq!(read["rows"], 2_400);
        assert_eq!(read["checksum"], checksum(&expected), "by column: {by_column}");
        assert_eq!(read["columns"][8], "nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_not_committed_leaves_sqlite_as_it_was() {
    let home = Home::with("rows");
    home.grant("rows", "[grants.connectors]\nc = \"read-write\"\n");
    let pools = database(home.folder.path()).await;
    for end in ["rollback", "drop", "fail", "panic"] {
        let step = Step::new(json!({"table": "t", "k": 2, "end": end}));
        let step = step.connectors(Arc::clone(&pools) as Arc<dyn Connectors>);
        let _ = home.run_in("rows:write", &step.ctx).await;
        assert!(rows(&pools, "select * from t").await.is_empty(), "{end}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_writes_is_denied_by_sqlite_and_named_in_the_log() {
    let home = Home::with("denied");
    home.grant("denied", "[grants.connectors]\nc = \"read\"\n");
    let pools = database(home.folder.path()).await;
    let step = Step::new(json!({"connector": "c", "statement": "insert into t (id) values (1) returning id"}));
    let step = step.connectors(Arc::clone(&pools) as Arc<dyn Connectors>);
    let outcome = home.run_in("denied:read", &step.ctx).await.expect("the guest reports the error");
    assert_eq!(outcome.output["code"], "denied");
    let missing = "missing is `c = \"read-write\"` under `[grants.connectors]` in `plugins/app/denied.toml`";
    assert!(step.voice.lines().iter().any(|line| line.starts_with("WARNING denied") && line.ends_with(missing)));
    assert!(rows(&pools, "select * from t").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_query_of_a_guest_ends_with_its_cancel() {
    let home = Home::with("rows");
    home.grant("rows", "[grants.connectors]\nc = \"read\"\n");
    let pools = database(home.folder.path()).await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let step = Step::new(json!({"statement": endless})).timeout(std::time::Duration::from_millis(400));
    let step = step.connectors(pools as Arc<dyn Connectors>);
    let start = std::time::Instant::now();
    let error = home.run_in("rows:read", &step.ctx).await.expect_err("a timeout").error;
    assert!(start.elapsed() < std::time::Duration::from_millis(2_400), "{:?}", start.elapsed());
    assert_eq!(error.kind, StepErrorKind::Timeout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_database_has_against_a_statement_reaches_the_guest_in_the_codes_of_the_contract() {
    let home = Home::with("rows");
    home.grant("rows", "[grants.connectors]\nc = \"read-write\"\n");
    let pools = database(home.folder.path()).await;
    let step = |params| Step::new(params).connectors(Arc::clone(&pools) as Arc<dyn Connectors>);
    let write = async |table: &str| {
        let failed = home.run_in("rows:write", &step(json!({"table": table, "k": 1})).ctx).await;
        failed.map(|_| ()).map_err(|failure| failure.error.detail.lines().next().unwrap_or_default().to_owned())
    };
    assert_eq!(write("t").await, Ok(()));
    assert_eq!(write("t").await, Err("code: conflict".to_owned()));
    assert_eq!(write("nowhere").await, Err("code: not-found".to_owned()));
    let home = Home::with("denied");
    home.grant("denied", "[grants.connectors]\nc = \"read-write\"\n");
    for (callable, statement, code) in [
        ("denied:write", "insert into t (id) values (1)", "conflict"),
        ("denied:write", "selec 1", "invalid"),
        ("denied:write", "insert into nowhere values (1)", "invalid"),
        ("denied:write", "pragma hard_heap_limit = 1000", "invalid"),
        ("denied:read", "select nothing_such from t", "invalid"),
    ] {
        let asked = step(json!({"connector": "c", "statement": statement}));
        let told = home.run_in(callable, &asked.ctx).await.expect("it goes on");
        assert_eq!(told.output["code"], json!(code), "{statement}: {:?}", told.output);
    }
}
