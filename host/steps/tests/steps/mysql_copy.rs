//! `sql_copy` from and into MariaDB: what arrives is what was there, and the live table is whole whatever happens. One
//! server for several subjects, because starting one takes seconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use host_model::StepErrorKind;
use host_model::job::spec::{CopyMode, OnBadRow, SourceTable, Verify};
use host_model::port::Access;
use host_model::value::Value;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Gate, Mariadb, MariadbDatabase, Postgres, wait_until_async};

use crate::kit::{Bench, Set, all_rows, copy};

const ROWS: i64 = 6_000;

/// A table with something of every type; `i` tells the rows apart.
fn fill(database: &MariadbDatabase<'_>) {
    let sql = format!(
        "create table src (i int unsigned primary key, flag tinyint(1) not null, big bigint unsigned, bits bit(9), \
           f float, d double, amount decimal(30,10), name varchar(60) character set utf8mb4 collate utf8mb4_bin, pad char(5), \
           mood enum('ok','sad'), raw varbinary(20), day date, at datetime(6), stamp timestamp(3) null, span time(1), doc json, \
           y year, key (name), check (i > 0)) character set utf8mb4 comment 'the source';
         insert into src select seq, seq % 3, if(seq % 2, 18446744073709551615 - seq, null), seq % 512, seq / 8, seq / 7, \
           concat('12345678901234567890.', lpad(seq, 10, '0')), \
           case when seq % 7 = 0 then null when seq % 11 = 0 then '' else concat('řádek 🐎 ', seq, '\\n\\t\\\\') end, \
           'ab', elt(seq % 2 + 1, 'ok', 'sad'), unhex(concat('00ff', lpad(hex(seq), 8, '0'))), \
           date '2000-01-01' + interval seq % 9000 day, timestamp '2013-01-01 00:00:00' + interval seq * 61000001 microsecond, \
           from_unixtime(1700000000 + seq), sec_to_time(if(seq % 5, -1, 1) * cast(seq as signed) * 100), concat('{{\"n\":  ', seq, '}}'), \
           1901 + seq % 200 from seq_1_to_{ROWS};"
    );
    database.execute(&sql).unwrap();
}

/// One line that changes when any cell of the table does.
fn checksum(database: &MariadbDatabase<'_>, table: &str) -> String {
    let cells = "i, flag, coalesce(big, 'N'), bits + 0, f, d, amount, coalesce(hex(convert(name using utf8mb4)), 'N'), pad, mood, \
        hex(raw), day, at, unix_timestamp(stamp), span, hex(convert(doc using utf8mb4)), y";
    let sql = format!(
        "select count(*), sum(crc32(concat_ws('|', {cells}))), sum(crc32(md5(concat_ws('|', {cells})))) from {table}"
    );
    database.execute(&sql).unwrap()
}

async fn rows_arrive_unchanged_everywhere_and_come_back(server: &Mariadb) {
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    let postgres = Postgres::start().unwrap();
    let pg = postgres.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default()
        .mysql("a", &a.url())
        .mysql("b", &b.url())
        .postgres("pg", pg.url())
        .sqlite("lite", &folder.path().join("a.db"))
        .build();
    fill(&a);
    let want = checksum(&a, "src");
    // A table of the same shape that is there already, to come back to: what is made on the way has other types.
    for table in ["back_pg", "back_lite"] {
        b.execute(&format!("create table {table} like {}.src", a.name())).unwrap();
    }
    for (from, source, to, target) in [
        ("a", "src", "b", "dst"),
        ("a", "src", "pg", "mine"),
        ("pg", "mine", "b", "back_pg"),
        ("a", "src", "lite", "mine"),
        ("lite", "mine", "b", "back_lite"),
    ] {
        // Twice: once making or filling the table, once replacing it; the second time every cell is checked.
        for verify in [Verify::Counts, Verify::Checksum] {
            let mut spec = copy(from, source, to, target, CopyMode::Overwrite);
            spec.verify = verify;
            let done = bench.run_copy(spec).await;
            let done = done.unwrap_or_else(|e| panic!("{source} to {to}.{target}: {e}\n{}", e.detail));
            assert_eq!(done.rows_affected, Some(ROWS), "{source} to {to}.{target}");
            assert_eq!(done.output["target_rows"], ROWS);
            if to == "b" {
                assert_eq!(checksum(&b, target), want, "{from} to {target}");
            }
        }
    }
    // The types made on the way.
    let types = "select string_agg(format_type(atttypid, atttypmod), ', ' order by attnum) from pg_attribute \
                 where attrelid = 'mine'::regclass and attnum > 0";
    assert_eq!(
        pg.execute(types).unwrap(),
        "bigint, smallint, numeric(20,0), bigint, real, double precision, numeric(30,10), character varying(60), \
         character varying(5), text, bytea, date, timestamp without time zone, timestamp with time zone, interval, text, smallint"
    );
    assert_eq!(
        b.execute("select group_concat(column_name) from information_schema.statistics where table_name = 'dst'")
            .unwrap(),
        "i"
    );
    // Into a table that is made here, from PostgreSQL.
    pg.execute(
        "create table things (k text primary key, n numeric, t timestamptz, j jsonb, u uuid, b boolean, r real, x bytea, a int[]); \
         insert into things values ('a', 1.50, '2024-07-01 12:00:00.5+02', '{\"a\": 1}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', true, 0.1, '\\x00ff', '{1,2}'), \
         ('A', null, null, null, null, null, null, null, null)",
    )
    .unwrap();
    bench.run_copy(copy("pg", "things", "b", "things", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(
        b.execute("select k, n, t, j, u, b, r, hex(x), a from things order by k").unwrap(),
        "A|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL\n\
         a|1.500000000000000000000000000000|2024-07-01 10:00:00.500000|{\"a\": 1}|6ba7b810-9dad-11d1-80b4-00c04fd430c8|1|0.1|00FF|{1,2}"
    );
    // Several readers, one state; columns, a filter and a query.
    let mut spec = copy("a", "src", "pg", "shared", CopyMode::Overwrite);
    spec.parallel = 3;
    spec.source.filter = Some("i > :low # not the first".into());
    spec.source.params = json!({"low": 10}).as_object().cloned().unwrap();
    assert_eq!(bench.run_copy(spec).await.unwrap().rows_affected, Some(ROWS - 10));
    assert_eq!(
        pg.execute("select count(*), count(distinct i), min(i), max(i) from shared").unwrap(),
        format!("{0}|{0}|11|{ROWS}", ROWS - 10)
    );
    assert!(!bench.said("one reader"));
    let mut spec = copy("a", "src", "lite", "counted", CopyMode::Overwrite);
    spec.source.table = SourceTable::Query("select count(*) as n, max(name) as `top one` from src where i < :i".into());
    spec.source.params = json!({"i": 11}).as_object().cloned().unwrap();
    spec.source.columns = vec!["n".into()];
    bench.run_copy(spec).await.unwrap();
    assert_eq!(bench.rows("lite", "select * from counted").await, [[Value::Int(10)]]);
}

/// The rows wait for a lock that is let go when somebody else has done his work.
async fn what_a_table_is_given_meanwhile_is_not_lost(server: &Mariadb) {
    let database = server.database().unwrap();
    let bench = Set::default().mysql("my", &database.url()).build();
    database
        .execute(
            "create table src (id int); insert into src values (1), (2); create table log (n int);
             create table t (id int primary key); insert into t values (100);
             create table parent (id int primary key); insert into parent values (100);",
        )
        .unwrap();
    let overwrite = async |table: &str, given: &str| {
        let gate = bench.session("my", Access::ReadWrite).await;
        all_rows(&*gate, "select get_lock('gate', 0)", Vec::new()).await;
        let mut spec = copy("my", "src", "my", table, CopyMode::Overwrite);
        spec.source.table = SourceTable::Query("select id from src where get_lock('gate', 60) = 1".into());
        let meanwhile = async {
            wait_for("the staging table", || leftovers(&database) == "1").await;
            database.execute(given).unwrap();
            all_rows(&*gate, "select release_lock('gate')", Vec::new()).await;
        };
        tokio::join!(bench.run_copy(spec), meanwhile).0
    };
    let rows = "select group_concat(id order by id) from";
    let given = "create trigger t_log after insert on t for each row insert into log values (new.id)";
    overwrite("t", given).await.unwrap();
    database.execute("insert into t values (3)").unwrap();
    assert_eq!(database.execute(&format!("{rows} t")).unwrap(), "1,2,3");
    assert!(database.execute("select group_concat(n) from log").unwrap().ends_with('3'), "the trigger is there");
    // Rows that others refer to must not vanish behind the back of their key.
    let given = "create table child (p int, foreign key (p) references parent (id)); insert into child values (100)";
    let error = overwrite("parent", given).await.unwrap_err();
    assert!(error.message.contains("child") && error.message.contains("left as it was"), "{error}");
    assert_eq!(database.execute(&format!("{rows} parent")).unwrap(), "100");
    wait_for("the staging tables to be gone", || leftovers(&database) == "0").await;
}

async fn an_overwrite_keeps_what_the_table_is(server: &Mariadb) {
    let database = server.database().unwrap();
    let bench = Set::default().mysql("my", &database.url()).build();
    database
        .execute(
            "create table src (id int, name varchar(40), n int); insert into src values (1, 'one', 1), (3, 'three', 3);
             create table t (id int auto_increment primary key, name varchar(20) default 'x' comment 'a name', n int, extra int default 7, \
               twice int as (n * 2) stored, key (n), check (n < 100)) auto_increment = 500 comment 'kept' \
               partition by hash (id) partitions 3;
             insert into t (id, name, n) values (7, 'old', 7);
             create view v as select id, name from t;
             create user kept@localhost; grant select on t to kept@localhost;",
        )
        .unwrap();
    let shape = "select replace(replace(create_options, ' ', ''), '`', ''), table_comment, auto_increment from information_schema.tables where table_name = 't'";
    let (before, columns) = (database.execute(shape).unwrap(), database.execute("show full columns from t").unwrap());
    bench.run_copy(copy("my", "src", "my", "t", CopyMode::Overwrite)).await.unwrap();
    assert!(bench.said("through a staging table and a swap"));
    assert_eq!(
        database.execute("select id, name, n, extra, twice from t order by id").unwrap(),
        "1|one|1|7|2\n3|three|3|7|6"
    );
    assert_eq!(database.execute(shape).unwrap(), before);
    assert_eq!(database.execute("show full columns from t").unwrap(), columns);
    assert_eq!(database.execute("select * from v order by id").unwrap(), "1|one\n3|three");
    assert!(database.execute("show grants for kept@localhost").unwrap().contains("`t`"));
    assert!(
        database.execute("insert into t (name, n) values ('y', 100)").unwrap_err().to_string().contains("CONSTRAINT")
    );
    assert_eq!(database.execute("insert into t (name) values ('z'); select max(id) >= 500 from t").unwrap(), "1");

    // Triggers stay with the table, so the rows go into it.
    database
        .execute(
            "create table log (n int); create table p (id int primary key, n int); insert into p values (9, 9);
             create trigger p_log after insert on p for each row insert into log values (new.id);
             create table parent (id int primary key); insert into parent values (1), (3);
             create table child (id int primary key, name varchar(20), n int, foreign key (n) references parent (id)); insert into child values (9, 'x', 1);
             create table base (id int primary key, name varchar(20), n int); insert into base values (1, 'ONE', 1), (5, 'five', 5);
             create table refers (b int, foreign key (b) references base (id)); insert into refers values (1);",
        )
        .unwrap();
    let mut spec = copy("my", "src", "my", "p", CopyMode::Overwrite);
    spec.source.columns = vec!["id".into(), "n".into()];
    bench.run_copy(spec).await.unwrap();
    assert_eq!(
        database.execute("select group_concat(id), (select group_concat(n order by n) from log) from p").unwrap(),
        "1,3|1,3"
    );
    assert!(bench.said("in place, because of triggers"));
    // A foreign key of its own holds, one of others is never left alone.
    bench.run_copy(copy("my", "src", "my", "child", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(database.execute("select id, name from child order by id").unwrap(), "1|one\n3|three");
    bench.run_copy(copy("my", "src", "my", "base", CopyMode::Overwrite)).await.unwrap();
    assert!(bench.said("by primary key"));
    assert_eq!(
        database.execute("select id, name from base order by id").unwrap(),
        "1|one\n3|three",
        "a change of case is one"
    );
    database.execute("insert into refers values (3)").unwrap();
    let mut spec = copy("my", "src", "my", "base", CopyMode::Overwrite);
    spec.source.filter = Some("id = 1".into());
    let refused = bench.run_copy(spec).await.unwrap_err();
    assert!(refused.message.contains("foreign key constraint fails"), "{refused}");
    assert_eq!(database.execute("select count(*) from base").unwrap(), "2");
    // What can be no target, and what has no transactions.
    let view = bench.run_copy(copy("my", "src", "my", "v", CopyMode::Overwrite)).await.unwrap_err();
    assert!(view.message.contains("`v` is a view"), "{view}");
    database
        .execute("create table plain (id int, name text, n int) engine = MyISAM; insert into plain values (1, 'a', 1)")
        .unwrap();
    let refused = bench.run_copy(copy("my", "src", "my", "plain", CopyMode::Append)).await.unwrap_err();
    assert!(refused.message.contains("`MyISAM`, which has no transactions"), "{refused}");
    bench.run_copy(copy("my", "src", "my", "plain", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(database.execute("select count(*) from plain").unwrap(), "2");
    assert_eq!(leftovers(&database), "0");
}

fn leftovers(database: &MariadbDatabase<'_>) -> String {
    let sql = "select count(*) from information_schema.tables where table_name like '%nomaflow%' and table_schema = database()";
    database.execute(sql).unwrap()
}

async fn rows_are_added_and_updated(server: &Mariadb) {
    let database = server.database().unwrap();
    let bench = Set::default().mysql("my", &database.url()).build();
    database
        .execute(
            "create table src (id int, name varchar(40)); insert into src values (1, 'one'), (2, 'zwei'), (3, 'Three');
             create table t (id int primary key, name varchar(20), note int default 5);
             insert into t values (1, 'one', 1), (2, 'two', 2), (9, 'nine', 9);
             create table a (id int primary key, name varchar(20)); insert into a values (7, 'x')",
        )
        .unwrap();
    let done = bench.run_copy(copy("my", "src", "my", "t", CopyMode::Upsert)).await.unwrap();
    assert_eq!((&done.output["inserted"], &done.output["updated"]), (&json!(1), &json!(1)));
    assert_eq!(database.execute("select * from t order by id").unwrap(), "1|one|1\n2|zwei|2\n3|Three|5\n9|nine|9");
    let again = bench.run_copy(copy("my", "src", "my", "t", CopyMode::Upsert)).await.unwrap();
    assert_eq!((&again.output["inserted"], &again.output["updated"]), (&json!(0), &json!(0)));
    bench.run_copy(copy("my", "src", "my", "a", CopyMode::Append)).await.unwrap();
    assert_eq!(database.execute("select count(*) from a").unwrap(), "4");
    // A second time nothing fits, and nothing of it stays.
    let clash = bench.run_copy(copy("my", "src", "my", "a", CopyMode::Append)).await.unwrap_err();
    assert!(clash.message.contains("Duplicate entry '1'") && clash.message.contains("in row 1"), "{clash}");
    assert_eq!(database.execute("select count(*) from a").unwrap(), "4");
    for (sql, words) in [
        ("insert into src values (3, 'again')", "Duplicate entry '3'"),
        ("delete from src; insert into src values (null, 'x')", "null"),
    ] {
        database.execute(sql).unwrap();
        let refused = bench.run_copy(copy("my", "src", "my", "t", CopyMode::Upsert)).await.unwrap_err();
        assert!(refused.message.contains(words), "{refused}");
    }
    let missing = bench.run_copy(copy("my", "src", "my", "nowhere", CopyMode::Append)).await.unwrap_err();
    assert!(missing.message.contains("no table `nowhere` to append to"), "{missing}");
}

async fn bad_rows_are_named_or_set_aside(server: &Mariadb) {
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    let bench = Set::default().mysql("my", &database.url()).sqlite("lite", &folder.path().join("a.db")).build();
    let fill = "with recursive s(i) as (select 1 union all select i + 1 from s where i < 3000) \
                insert into src select i, 'row', i, '2024-02-29' from s";
    bench
        .execute(
            "lite",
            &[
                "create table src (id, name, n, day)",
                fill,
                "update src set name = 'much too long' where id = 700",
                "update src set n = 1.5 where id = 1501",
                "update src set name = null where id = 1502",
                "update src set id = 1 where id = 2000",
                "update src set day = '2024-02-30' where id = 2999",
                "update src set n = 40000 where id = 3000",
            ],
        )
        .await;
    for (table, mode) in [("t", CopyMode::Overwrite), ("u", CopyMode::Append), ("w", CopyMode::Upsert)] {
        database
            .execute(&format!(
                "create table {table} (id int primary key, name varchar(5) not null, n smallint, day date); \
                 insert into {table} values (-1, 'old', 0, null)"
            ))
            .unwrap();
        let spec = copy("lite", "src", "my", table, mode);
        let first = bench.run_copy(spec.clone()).await.unwrap_err();
        assert!(first.message.contains("Data too long for column 'name', in row 700"), "{first}");
        assert_eq!(database.execute(&format!("select * from {table}")).unwrap(), "-1|old|0|NULL");
        let skipping = host_model::job::spec::SqlCopySpec { on_bad_row: OnBadRow::SkipTo, ..spec };
        let done = bench.run_copy(skipping).await.unwrap();
        assert_eq!(done.output["rows_skipped"], 6, "{mode:?}");
        assert_eq!(done.rows_affected, Some(2994));
        let want = if mode == CopyMode::Overwrite { "2994" } else { "2995" };
        assert_eq!(database.execute(&format!("select count(*) from {table}")).unwrap(), want);
        assert_eq!(
            database
                .execute(&format!(
                    "select `row_number`, column_name, json_value(row_data, '$.id') from {table}_bad_rows order by 1"
                ))
                .unwrap(),
            "700|name|700\n1501|n|1501\n1502|name|1502\n2000|NULL|1\n2999|day|2999\n3000|n|3000"
        );
        assert_eq!(leftovers(&database), "0");
    }
    // Zero dates are no dates elsewhere.
    database
        .execute("create table zero (id int, day date); insert into zero values (1, '2024-01-01'), (2, '0000-00-00')")
        .unwrap();
    let postgres = Postgres::start().unwrap();
    let pg = postgres.database().unwrap();
    let bench = Set::default().mysql("my", &database.url()).postgres("pg", pg.url()).build();
    let refused = bench.run_copy(copy("my", "zero", "pg", "zero", CopyMode::Overwrite)).await.unwrap_err();
    assert!(refused.message.contains("row 2, column `day`: `0000-00-00` does not fit"), "{refused}");
    bench.run_copy(copy("my", "zero", "my", "zero2", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(database.execute("select day from zero2 where id = 2").unwrap(), "0000-00-00");
}

async fn readers_see_whole_tables_and_a_cancel_leaves_one(server: &Mariadb) {
    let database = server.database().unwrap();
    let url = database.url();
    let set = Set::default().mysql("my", &url);
    database
        .execute(
            "create table src (id int primary key, version int); insert into src select seq, 0 from seq_1_to_2000;
             create table t like src; insert into t select * from src;
             create table big as select seq as i, repeat('x', 100) as t from seq_1_to_400000;
             create table live (i bigint, t varchar(200)); insert into live values (-1, 'old')",
        )
        .unwrap();
    let bench = set.clone().build();
    let (is_over, looks) = (AtomicBool::new(false), AtomicU64::new(0));
    let reading = async {
        let reader = set.clone().build();
        let mut last = 0;
        while !is_over.load(Ordering::Relaxed) {
            let row = reader.rows("my", "select count(*), min(version), max(version) from t").await.remove(0);
            let [Value::Int(count), Value::Int(min), Value::Int(max)] = row.as_slice() else { panic!("{row:?}") };
            assert_eq!((*count, min), (2000, max), "one whole version");
            assert!(*min >= last, "never back to an older one");
            last = *min;
            looks.fetch_add(1, Ordering::Relaxed);
        }
    };
    let copying = async {
        for version in 1..=8 {
            bench.execute("my", &[&format!("update src set version = {version}")]).await;
            bench.run_copy(copy("my", "src", "my", "t", CopyMode::Overwrite)).await.unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(reading, copying);
    assert!(looks.load(Ordering::Relaxed) > 8);
    // A transaction that is older than the swap does not take the new table for an empty one.
    let reader: Bench = set.clone().build();
    let old = reader.session("my", host_model::port::Access::Read).await;
    old.begin().await.unwrap();
    crate::kit::all_rows(&*old, "select count(*) from src", Vec::new()).await;
    bench.run_copy(copy("my", "src", "my", "t", CopyMode::Overwrite)).await.unwrap();
    let seen = old.query("select count(*) from t", Vec::new()).await.err();
    assert!(seen.is_some_and(|e| e.message.contains("definition has changed")));
    drop(old);
    // A second copy into the same table waits for nobody, and says so.
    let begun = std::time::Instant::now();
    for mode in [CopyMode::Overwrite, CopyMode::Append, CopyMode::Overwrite] {
        let bench = set.clone().build();
        let work = bench.run_copy(copy("my", "big", "my", "live", mode));
        tokio::pin!(work);
        let is_moving = || bench.voice.progress.lock().unwrap().iter().any(|(done, _)| *done > 0);
        tokio::select! {
            done = &mut work => panic!("it ended before the cancel: {done:?}"),
            () = wait_for("rows to move", is_moving) => {}
        }
        let other = set.clone().build().run_copy(copy("my", "src", "my", "live", mode)).await.unwrap_err();
        assert!(
            other.message.contains("another copy into `live` is running") || other.kind == StepErrorKind::Definition,
            "{other}"
        );
        bench.cancel.cancel("canceled by user:test");
        let at = std::time::Instant::now();
        assert_eq!(work.await.unwrap_err().kind, StepErrorKind::Canceled);
        assert!(at.elapsed() < Duration::from_secs(3), "{:?}", at.elapsed());
        // In the server's own list, too.
        wait_for("the server to be idle", || crate::mysql::busy(&database) == "0").await;
        assert_eq!(database.execute("select * from live").unwrap(), "-1|old", "{mode:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    wait_for("the staging table to be gone", || leftovers(&database) == "0").await;
    // A reader who keeps the table does not keep the rows out.
    let reader: Bench = set.clone().build();
    let session = reader.session("my", host_model::port::Access::Read).await;
    session.begin().await.unwrap();
    crate::kit::all_rows(&*session, "select count(*) from live", Vec::new()).await;
    let mut spec = copy("my", "big", "my", "live", CopyMode::Overwrite);
    spec.source.filter = Some("i <= 10".into());
    let held = bench.run_copy(spec);
    tokio::pin!(held);
    tokio::select! {
        done = &mut held => panic!("the table was held: {done:?}"),
        () = tokio::time::sleep(Duration::from_secs(3)) => {}
    }
    // Others read on meanwhile.
    assert_eq!(database.execute("select * from live").unwrap(), "-1|old");
    session.rollback().await.unwrap();
    assert_eq!(held.await.unwrap().rows_affected, Some(10));
    assert_eq!(database.execute("select count(*) from live").unwrap(), "10");
}

async fn wait_for(what: &'static str, condition: impl FnMut() -> bool) {
    let mut condition = condition;
    wait_until_async(Duration::from_secs(60), tokio::time::sleep, || std::future::ready(condition()))
        .await
        .or_panic(what);
}

async fn a_copy_that_is_killed_leaves_the_table_whole(server: &Mariadb) {
    let from = server.database().unwrap();
    from.execute("create table big (i int primary key, t varchar(200)); insert into big select seq, repeat('x', 90) from seq_1_to_300000").unwrap();
    for mode in [CopyMode::Overwrite, CopyMode::Append, CopyMode::Upsert] {
        let to = server.database().unwrap();
        to.execute("create table t (i int primary key, t text); insert into t values (-1, 'old')").unwrap();
        let mut child = crate::copy_safety::start_child(&from.url(), &to.url(), mode, "");
        let writing = format!(
            "select count(*) from information_schema.processlist where db = '{}' and info like 'insert into%'",
            to.name()
        );
        wait_for("rows to arrive", || to.execute(&writing).unwrap() != "0").await;
        child.kill().unwrap();
        child.wait().unwrap();
        let open = format!(
            "select count(*) from information_schema.processlist where db = '{}' and user = 'nomaflow' and id <> connection_id()",
            to.name()
        );
        wait_for("the server to let go", || to.execute(&open).unwrap() == "0").await;
        assert_eq!(to.execute("select * from t").unwrap(), "-1|old", "{mode:?}");
        // The next run works, and cleans up.
        let bench = Set::default().mysql("from", &from.url()).mysql("to", &to.url()).build();
        let mut spec = copy("from", "big", "to", "t", mode);
        spec.source.filter = Some("i <= 10".into());
        bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{mode:?}: {e}"));
        let want = if mode == CopyMode::Overwrite { "10" } else { "11" };
        assert_eq!(to.execute("select count(*) from t").unwrap(), want, "{mode:?}");
        assert_eq!(leftovers(&to), "0");
    }
}

/// Either side is cut off while rows are on their way.
async fn a_server_that_goes_away_in_the_middle_changes_nothing(server: &Mariadb) {
    let (from, to) = (server.database().unwrap(), server.database().unwrap());
    from.execute("create table big (i int primary key, t varchar(200)); insert into big select seq, repeat('x', 90) from seq_1_to_400000").unwrap();
    to.execute("create table t (i int primary key, t text); insert into t values (-1, 'old')").unwrap();
    for (cut, mode) in
        [("from", CopyMode::Overwrite), ("to", CopyMode::Overwrite), ("to", CopyMode::Append), ("to", CopyMode::Upsert)]
    {
        let gate = Gate::to(server.port()).unwrap();
        let (straight, through) = (format!(":{}/", server.port()), format!(":{}/", gate.port()));
        let url = |name: &str, url: String| if name == cut { url.replace(&straight, &through) } else { url };
        let bench = Set::default().mysql("from", &url("from", from.url())).mysql("to", &url("to", to.url())).build();
        let work = bench.run_copy(copy("from", "big", "to", "t", mode));
        tokio::pin!(work);
        let is_moving = || bench.voice.progress.lock().unwrap().iter().any(|(done, _)| *done > 0);
        tokio::select! {
            done = &mut work => panic!("{cut} {mode:?}: it ended first: {done:?}"),
            () = wait_for("rows to move", is_moving) => {}
        }
        tokio::task::spawn_blocking(move || drop(gate)).await.unwrap();
        let error = tokio::time::timeout(Duration::from_secs(60), work).await.unwrap().unwrap_err();
        assert!(error.message.contains(&format!("connector `{cut}` has lost its connection")), "{mode:?}: {error}");
        assert!(error.may_retry, "{error}");
        let open = format!(
            "select count(*) from information_schema.processlist where db = '{}' and id <> connection_id()",
            to.name()
        );
        wait_for("the server to let go", || to.execute(&open).unwrap() == "0").await;
        assert_eq!(to.execute("select * from t").unwrap(), "-1|old", "{cut} {mode:?}");
    }
    // The next run works, and cleans up.
    let bench = Set::default().mysql("from", &from.url()).mysql("to", &to.url()).build();
    let mut spec = copy("from", "big", "to", "t", CopyMode::Overwrite);
    spec.source.filter = Some("i <= 10".into());
    bench.run_copy(spec).await.unwrap();
    assert_eq!(to.execute("select count(*) from t").unwrap(), "10");
    assert_eq!(leftovers(&to), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_table_is_whole_when_either_side_goes_away() {
    let server = Mariadb::start().unwrap();
    a_server_that_goes_away_in_the_middle_changes_nothing(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_rows_arrive_unchanged_everywhere_and_come_back() {
    let server = Mariadb::start().unwrap();
    rows_arrive_unchanged_everywhere_and_come_back(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_table_keeps_what_it_is_in_every_mode() {
    let server = Mariadb::start().unwrap();
    an_overwrite_keeps_what_the_table_is(&server).await;
    what_a_table_is_given_meanwhile_is_not_lost(&server).await;
    rows_are_added_and_updated(&server).await;
    bad_rows_are_named_or_set_aside(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_table_is_whole_for_readers_and_after_a_cancel() {
    let server = Mariadb::start().unwrap();
    readers_see_whole_tables_and_a_cancel_leaves_one(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mariadb_table_is_whole_after_a_kill() {
    let server = Mariadb::start().unwrap();
    a_copy_that_is_killed_leaves_the_table_whole(&server).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wide_mariadb_rows_pass_through_little_memory() {
    const ROWS: i64 = 60;
    let server = Mariadb::start().unwrap();
    let (a, b) = (server.database().unwrap(), server.database().unwrap());
    let folder = TempDir::new().unwrap();
    let bench =
        Set::default().mysql("a", &a.url()).mysql("b", &b.url()).sqlite("lite", &folder.path().join("a.db")).build();
    a.execute(&format!(
        "create table wide as select seq as i, repeat(lpad(seq, 8, '0'), 250000) as t from seq_1_to_{ROWS}"
    ))
    .unwrap();
    let mut ceilings = Vec::new();
    for (from, to) in [("a", "b"), ("a", "lite"), ("lite", "b")] {
        // Forgets the peak so far.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = peak();
        let done = bench.run_copy(copy(from, "wide", to, "wide", CopyMode::Overwrite)).await.unwrap();
        assert_eq!(done.rows_affected, Some(ROWS), "{from} to {to}");
        ceilings.push((from, to, peak() - before));
    }
    // A session that reads row by row holds a few of them.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak();
    let session = bench.session("a", host_model::port::Access::Read).await;
    let mut cursor = session.query("select i, t from wide", Vec::new()).await.unwrap();
    let mut seen = 0;
    while !cursor.next_batch(1).await.unwrap().is_empty() {
        seen += 1;
    }
    assert_eq!(seen, ROWS);
    ceilings.push(("a", "session", peak() - before));
    // 120 MB went by each time; a row is 2 MB, and several copies of one may be on their way.
    assert!(ceilings.iter().all(|(.., grown)| *grown <= 32), "MiB more than before: {ceilings:?}");
}

/// Most memory this process ever had resident, in MiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
