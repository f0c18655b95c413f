//! Rates of `sql_copy` between all pairs of dialects, plain and with the rules of JD Edwards: a million rows of twelve
//! columns, each pair into a new table and then over it, several times in turn, beside `psql copy | psql copy` in binary.
//! Prints every time and the medians. `cargo run --release -p host-steps --example copy_rate [rows [rounds]]`; needs
//! PostgreSQL's and MariaDB's programs.
#![allow(clippy::unwrap_used, reason = "a measuring program may stop at the first surprise")]

use std::process::{Command, Stdio};
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
        app: "bench".into(),
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

fn spec(from: &str, table: &str, to: &str, target: &str, type_coercion: TypeCoercion) -> StepSpec {
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
        type_coercion,
        decimal_mode: DecimalMode::Truncate,
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
    let number = |n: usize, default: u64| std::env::args().nth(n).map_or(default, |text| text.parse().unwrap());
    let (rows, rounds) = (number(1, 1_000_000), number(2, 5));
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
    forget_peak();
    let idle = peak();
    let mut times: Vec<(String, Vec<f64>)> = Vec::new();
    let mut note = |what: String, seconds: f64, grown: u64| {
        println!(
            "{what:<32} {seconds:>7.2} s {:>9.0} rows/s {:>5.1} MB more than idle",
            rows as f64 / seconds,
            grown as f64 / 1e3
        );
        match times.iter_mut().find(|(known, _)| *known == what) {
            Some((_, list)) => list.push(seconds),
            None => times.push((what, vec![seconds])),
        }
    };
    for round in 0..=rounds {
        for (from, source, to, target, coercion) in [
            ("lite_a", "src", "pg_a", "t1", TypeCoercion::None),
            ("pg_a", "t1", "pg_b", "t2", TypeCoercion::None),
            ("pg_b", "t2", "lite_b", "t3", TypeCoercion::None),
            ("lite_b", "t3", "lite_a", "t4", TypeCoercion::None),
            ("lite_a", "src", "pg_a", "j1", TypeCoercion::Jde),
            ("pg_a", "t1", "pg_b", "j2", TypeCoercion::Jde),
            ("pg_b", "t2", "lite_b", "j3", TypeCoercion::Jde),
            ("pg_a", "t1", "my_a", "t5", TypeCoercion::None),
            ("my_a", "t5", "my_b", "t6", TypeCoercion::None),
            ("my_b", "t6", "pg_b", "t7", TypeCoercion::None),
            ("lite_a", "src", "my_b", "t8", TypeCoercion::None),
            ("my_b", "t6", "lite_b", "t9", TypeCoercion::None),
        ] {
            forget_peak();
            let begun = Instant::now();
            let done = runner.run(&spec(from, source, to, target, coercion), &ctx).await.unwrap();
            let seconds = begun.elapsed().as_secs_f64();
            assert_eq!(done.rows_affected, i64::try_from(rows).ok());
            let way = if round == 0 { "new table" } else { "overwrite" };
            note(format!("{from} -> {to} {} {way}", coercion.as_str()), seconds, peak().saturating_sub(idle));
        }
        if round > 0 {
            note("psql | psql, binary".to_owned(), psql(a.url(), b.url()), 0);
        }
    }
    println!("medians:");
    for (what, mut list) in times {
        list.sort_by(f64::total_cmp);
        let median = list[list.len() / 2];
        println!("{what:<32} {median:>7.2} s {:>9.0} rows/s", rows as f64 / median);
    }
}

/// The same rows by PostgreSQL's own means; seconds.
fn psql(from: &str, to: &str) -> f64 {
    let script = "psql -X -q \"$0\" -c 'copy t1 to stdout (format binary)' \
        | psql -X -q \"$1\" -c 'begin' -c 'truncate p2' -c 'copy p2 from stdin (format binary)' -c 'commit'";
    let make = ["-X", "-q", to, "-c", "create table if not exists p2 (like t2)"];
    assert!(Command::new("psql").args(make).stderr(Stdio::null()).status().unwrap().success());
    let begun = Instant::now();
    assert!(Command::new("sh").args(["-c", script, from, to]).status().unwrap().success());
    begun.elapsed().as_secs_f64()
}

/// Most memory this process had resident since [`forget_peak`], in kB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn forget_peak() {
    // Only Linux has it; elsewhere the peak is 0 all the time.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}
