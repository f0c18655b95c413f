//! Rates of `sql_copy` between all pairs of dialects: a million rows of twelve columns, each pair into a new table and
//! then over it. `cargo run --release -p host-steps --example copy_rate [rows]`; needs PostgreSQL's and
//! MariaDB's programs.
#![allow(clippy::unwrap_used, reason = "a measuring program may stop at the first surprise")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::connector::{Connector, ConnectorSet, Hidden, Pool, PoolAddress};
use host_model::job::SourcePlace;
use host_model::job::spec::{
    CopyMode, CopySource, CopyTarget, DecimalMode, OnBadRow, SourceTable, SqlCopySpec, SqlQuerySpec, TypeCoercion,
    Verify,
};
use host_model::log::LogLevel;
use host_model::port::{StepContext, StepRunner, StepVoice};
use host_model::{CancelToken, ConnectorName, JobId, JsonMap, RunId, StepName, StepSpec};
use host_steps::{ConnectorPools, SqlCopyRunner, SqlQueryRunner};
use test_support::{Mariadb, Postgres};

struct Silent;

#[async_trait]
impl StepVoice for Silent {
    async fn log(&self, _level: LogLevel, _message: &str) {}
    fn progress(&self, _done: u64, _total: Option<u64>, _note: &str) {}
}

fn declare(set: &mut ConnectorSet, name: &str, address: PoolAddress) {
    let source = SourcePlace { file: "copy_rate".into(), line: 1 };
    let connector = Connector {
        name: ConnectorName::new(name).unwrap(),
        pool: name.into(),
        dialect: address.dialect(),
        queries: Default::default(),
        source: source.clone(),
    };
    let pool = Pool::new(name, address, source);
    set.pools.insert(name.into(), pool);
    set.connectors.insert(connector.name.clone(), connector);
}

fn context(pools: &Arc<ConnectorPools>) -> StepContext {
    StepContext {
        run_id: RunId::from_parts(1, 1),
        job_id: JobId::new("rate").unwrap(),
        step: StepName::new("copy").unwrap(),
        index: 0,
        attempt: 1,
        triggered_by: "manual:bench".into(),
        scheduled_at: host_model::Instant::UNIX_EPOCH,
        log_level: LogLevel::Info,
        params: JsonMap::new(),
        own_keys: Vec::new(),
        results: Arc::default(),
        cancel: CancelToken::new(),
        timeout: Duration::from_secs(3600),
        voice: Arc::new(Silent),
        connectors: Arc::clone(pools) as _,
    }
}

fn spec(from: &str, table: &str, to: &str, target: &str) -> StepSpec {
    StepSpec::SqlCopy(SqlCopySpec {
        source: CopySource {
            connector: from.into(),
            table: SourceTable::Table { schema: None, table: table.into() },
            columns: Vec::new(),
            filter: None,
            params: JsonMap::new(),
        },
        target: CopyTarget { connector: to.into(), schema: None, table: target.into() },
        mode: CopyMode::Overwrite,
        type_coercion: TypeCoercion::None,
        decimal_mode: DecimalMode::Preserve,
        strip_both_columns: Vec::new(),
        batch_size: 10_000,
        parallel: 1,
        key_columns: Vec::new(),
        julian_columns: Vec::new(),
        decimal_columns: Default::default(),
        data_dictionary: None,
        on_bad_row: OnBadRow::Fail,
        bad_row_table: None,
        verify: Verify::Counts,
    })
}

#[tokio::main]
async fn main() {
    let rows: u64 = std::env::args().nth(1).map_or(1_000_000, |text| text.parse().unwrap());
    let server = Postgres::start().unwrap();
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    let large = ["--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"];
    let mariadb = Mariadb::start_with(|_| Ok(large.map(String::from).into())).unwrap();
    let (c, d) = (mariadb.database().unwrap(), mariadb.database().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut set = ConnectorSet::default();
    for (name, database) in [("pg_a", &a), ("pg_b", &b)] {
        declare(&mut set, name, PoolAddress::Postgres { url: Hidden::new(database.url()), password: None });
    }
    for (name, database) in [("my_a", &c), ("my_b", &d)] {
        declare(&mut set, name, PoolAddress::MySql { url: Hidden::new(database.url()), password: None });
    }
    for name in ["lite_a", "lite_b"] {
        declare(&mut set, name, PoolAddress::Sqlite { path: folder.path().join(name) });
    }
    let pools = Arc::new(ConnectorPools::new(set));
    let fill = format!(
        "create table src (id integer, kcoo varchar(5), doco integer, dcto varchar(2), litm varchar(25), dsc1 varchar(60), \
         aexp numeric(15,2), uprc numeric(15,2), qty integer, day date, at timestamp, note varchar(200)); \
         with recursive s(i) as (select 1 union all select i + 1 from s where i < {rows}) \
         insert into src select i, printf('%05d', i % 100), i * 7, 'SO', printf('ITEM%-21d', i), 'položka číslo ' || i, \
         (i % 100000) / 100.0, case when i % 10 then (i % 977) / 100.0 end, i % 500, date('2000-01-01', '+' || (i % 9000) || ' days'), \
         datetime('2013-01-01', '+' || i || ' minutes'), case when i % 3 then 'note of row ' || i || ' with some words behind it' end from s"
    );
    let ctx = context(&pools);
    let query = StepSpec::SqlQuery(SqlQuerySpec { connector: "lite_a".into(), query: fill, params: JsonMap::new() });
    SqlQueryRunner::new(Arc::clone(&pools)).run(&query, &ctx).await.unwrap();
    let runner = SqlCopyRunner::new(Arc::clone(&pools));
    for round in ["new table", "overwrite"] {
        for (from, source, to, target) in [
            ("lite_a", "src", "pg_a", "t1"),
            ("pg_a", "t1", "pg_b", "t2"),
            ("pg_b", "t2", "lite_b", "t3"),
            ("lite_b", "t3", "lite_a", "t4"),
            ("pg_a", "t1", "my_a", "t5"),
            ("my_a", "t5", "my_b", "t6"),
            ("my_b", "t6", "pg_b", "t7"),
            ("lite_a", "src", "my_b", "t8"),
            ("my_b", "t6", "lite_b", "t9"),
        ] {
            let begun = Instant::now();
            let done = runner.run(&spec(from, source, to, target), &ctx).await.unwrap();
            let seconds = begun.elapsed().as_secs_f64();
            assert_eq!(done.rows_affected, i64::try_from(rows).ok());
            println!("{from:>7} -> {to:<7} {round:<10} {seconds:>7.2} s {:>9.0} rows/s", rows as f64 / seconds);
        }
    }
}
