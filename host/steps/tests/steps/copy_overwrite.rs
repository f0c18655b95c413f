//! Overwriting a live table: what must still be there afterwards, and what readers see meanwhile.

use host_model::job::spec::CopyMode;
use host_model::port::Access;
use host_model::value::Value;
use tempfile::TempDir;
use test_support::{Database, Postgres};

use crate::copy_safety::wait_for;
use crate::kit::{Bench, Set, all_rows, copy};

const SHAPE: &str = "
 select 'index', pg_get_indexdef(indexrelid) || indisclustered::text || coalesce(obj_description(indexrelid), '') from pg_index where indrelid = 't'::regclass
 union all select 'constraint', conname || pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), '') from pg_constraint where conrelid = 't'::regclass
 union all select 'column', attname || format_type(atttypid, atttypmod) || attnotnull::text || attgenerated::text || attstorage::text || attstattarget || coalesce(attoptions::text, '') || coalesce(col_description(attrelid, attnum), '')
   || coalesce((select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum), '') || coalesce(attacl::text, '')
   from pg_attribute where attrelid = 't'::regclass and attnum > 0 and not attisdropped
 union all select 'table', relname || pg_get_userbyid(relowner) || coalesce(relacl::text, '') || coalesce(reloptions::text, '') || coalesce(obj_description(oid, 'pg_class'), '')
   || coalesce((select x.reloptions::text from pg_class x where x.oid = t.reltoastrelid), '')
   from pg_class t where oid = 't'::regclass
 order by 1, 2";

fn oid(database: &Database<'_>) -> String {
    database.execute("select 't'::regclass::oid").unwrap()
}

async fn overwrite(bench: &Bench) {
    let done = bench.run_copy(copy("lite", "src", "pg", "t", CopyMode::Overwrite)).await;
    let done = done.unwrap_or_else(|e| panic!("{e}\n{}", e.detail));
    assert_eq!((&done.output["source_rows"], &done.output["target_rows"]), (&3.into(), &3.into()));
}

async fn source(folder: &TempDir, url: &str) -> Bench {
    let bench = Set::default().sqlite("lite", &folder.path().join("a.db")).postgres("pg", url).build();
    let fill = [
        "create table src (id integer, name text, qty integer)",
        "insert into src values (1, 'new', 10), (2, 'two', 20), (4, 'four', 40)",
    ];
    bench.execute("lite", &fill).await;
    bench
}

const CONTENT: &str = "select string_agg(id || name || qty, ',' order by id) from t";
const NEW: &str = "1new10,2two20,4four40";

#[tokio::test]
async fn a_swap_keeps_keys_indexes_constraints_defaults_comments_options_owner_and_grants() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    database
        .execute(
            "create role nomaflow_test_reader; create role nomaflow_test_owner;
             create table parent (id int primary key); insert into parent values (10), (20), (40);
             create table t (id int, name varchar(30) not null default 'none', qty int default 5, twice int generated always as (qty * 2) stored,
               constraint \"t Key\" primary key (id), constraint t_name unique (name), constraint positive check (qty > 0),
               constraint t_parent foreign key (qty) references parent (id)) with (fillfactor = 70, toast.autovacuum_enabled = false);
             alter table t alter qty set statistics 500, alter name set (n_distinct = 7);
             create index t_lower on t (lower(name)) where qty > 1; create unique index \"T odd\" on t (id desc, qty); create index t_qty on t (qty);
             alter table t cluster on t_qty; alter table t alter name set storage external;
             comment on table t is 'it''s a table'; comment on column t.name is 'a name'; comment on index t_lower is 'an index';
             comment on constraint \"t Key\" on t is 'the key'; comment on constraint positive on t is 'a check';
             grant select, update on t to nomaflow_test_reader with grant option; grant select on t to public;
             grant update (name) on t to nomaflow_test_reader;
             grant all on schema public to nomaflow_test_owner;
             alter table t owner to nomaflow_test_owner;
             alter default privileges grant insert, delete on tables to public, nomaflow_test_reader;
             insert into t values (1, 'old', 10), (3, 'three', 20)",
        )
        .unwrap();
    let folder = TempDir::new().unwrap();
    let bench = source(&folder, database.url()).await;
    let (shape, before) = (database.execute(SHAPE).unwrap(), oid(&database));
    for _ in 0..2 {
        overwrite(&bench).await;
        assert!(bench.said("through a staging table and a swap"));
        assert_eq!(database.execute(SHAPE).unwrap(), shape);
        assert_eq!(database.execute(CONTENT).unwrap(), NEW);
        assert_eq!(database.execute("select sum(twice) from t").unwrap(), "140");
    }
    assert_ne!(oid(&database), before, "it is another table under the same name");
    assert_eq!(database.execute("select count(*) from pg_class where relname like 'nomaflow%'").unwrap(), "0");
    server
        .admin(&format!(
            "drop database {} with (force); drop role nomaflow_test_reader; drop role nomaflow_test_owner",
            database.name()
        ))
        .unwrap();
}

#[tokio::test]
async fn a_table_that_views_triggers_or_sequences_depend_on_is_refilled_in_place() {
    let server = Postgres::start().unwrap();
    let folder = TempDir::new().unwrap();
    let plain = "create table t (id int primary key, name text, qty int); insert into t values (1, 'old', 1);";
    for (what, sql) in [
        ("a view", "create view v as select id from t".to_owned()),
        ("a view on a view", "create view v as select * from t; create materialized view w as select * from v".to_owned()),
        ("a trigger", "create function f() returns trigger language plpgsql as 'begin return new; end'; create trigger g before insert on t for each row execute function f()".to_owned()),
        ("an owned sequence", "create sequence s owned by t.id; alter table t alter id set default nextval('s')".to_owned()),
        ("an identity", "alter table t add k int generated by default as identity".to_owned()),
        ("a policy", "create policy p on t using (true)".to_owned()),
        ("a function", "create function f() returns setof t begin atomic select * from t; end".to_owned()),
        ("a child", "create table c () inherits (t)".to_owned()),
        ("statistics", "create statistics t_both on name, qty from t".to_owned()),
        ("a publication of the table", "create publication p for table t".to_owned()),
        ("a publication of all tables", "create publication p for all tables".to_owned()),
    ] {
        let database = server.database().unwrap();
        database.execute(&format!("{plain} {sql}")).unwrap();
        let _ = std::fs::remove_file(folder.path().join("a.db"));
        let bench = source(&folder, database.url()).await;
        let before = oid(&database);
        overwrite(&bench).await;
        assert!(bench.said("in place"), "{what}");
        assert_eq!(oid(&database), before, "{what}");
        assert_eq!(database.execute(CONTENT).unwrap(), NEW, "{what}");
        if what == "a view" {
            assert_eq!(database.execute("select sum(id) from v").unwrap(), "7");
        }
    }
}

#[tokio::test]
async fn rows_that_foreign_keys_refer_to_are_updated_and_never_deleted() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    database
        .execute(
            "create table t (id int primary key, name text, qty int); insert into t values (1, 'old', 1), (2, 'two', 20), (3, 'three', 30);
             create table child (t_id int references t on delete cascade); insert into child values (1), (2)",
        )
        .unwrap();
    let bench = source(&folder, database.url()).await;
    overwrite(&bench).await;
    assert!(bench.said("by primary key"));
    assert_eq!(database.execute(CONTENT).unwrap(), NEW);
    assert_eq!(database.execute("select count(*) from child").unwrap(), "2", "no cascade was set off");
    // Without a key there is no way to tell rows apart.
    database.execute("drop table child; alter table t drop constraint t_pkey; alter table t add unique (name); create table child (n text references t (name))").unwrap();
    let error = bench.run_copy(copy("lite", "src", "pg", "t", CopyMode::Overwrite)).await.unwrap_err();
    assert!(error.message.contains("child_n_fkey of child") && error.message.contains("primary key"), "{error}");
}

#[tokio::test]
async fn a_long_reader_delays_the_swap_and_sees_the_old_rows_to_its_end() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    database
        .execute("create table t (id int primary key, name text, qty int); insert into t values (9, 'old', 9)")
        .unwrap();
    let bench = source(&folder, database.url()).await;
    let reader = bench.session("pg", Access::ReadWrite).await;
    reader.begin().await.unwrap();
    assert_eq!(all_rows(&*reader, "select id from t", Vec::new()).await, [[Value::Int(9)]]);
    let waiting =
        "select count(*) from pg_locks where relation = 't'::regclass and mode = 'AccessExclusiveLock' and not granted";
    let copying = overwrite(&bench);
    tokio::pin!(copying);
    loop {
        tokio::select! {
            () = &mut copying => panic!("the swap did not wait for the reader"),
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
        if database.execute(waiting).unwrap() == "1" {
            break;
        }
    }
    assert_eq!(database.execute("select 1").unwrap(), "1");
    reader.commit().await.unwrap();
    copying.await;
    assert_eq!(database.execute(CONTENT).unwrap(), NEW);
}

#[tokio::test]
async fn what_a_table_is_given_while_its_rows_are_copied_is_not_lost_in_the_swap() {
    let server = Postgres::start().unwrap();
    let folder = TempDir::new().unwrap();
    let waiting =
        "select count(*) from pg_locks where relation = 't'::regclass and mode = 'AccessExclusiveLock' and not granted";
    for (given, look) in [
        ("grant update on t to public", "select has_table_privilege('public', 't', 'update')"),
        ("create index late on t (qty)", "select to_regclass('late') is not null"),
        (
            "create function f() returns trigger language plpgsql as 'begin return new; end'; \
             create trigger late before insert on t for each row execute function f()",
            "select exists (select from pg_trigger where tgrelid = 't'::regclass)",
        ),
    ] {
        let database = server.database().unwrap();
        let table = "create table t (id int primary key, name text, qty int); insert into t values (9, 'old', 9)";
        database.execute(table).unwrap();
        let _ = std::fs::remove_file(folder.path().join("a.db"));
        let bench = source(&folder, database.url()).await;
        let reader = bench.session("pg", Access::Read).await;
        reader.begin().await.unwrap();
        assert_eq!(all_rows(&*reader, "select id from t", Vec::new()).await, [[Value::Int(9)]]);
        let meanwhile = async {
            wait_for("the swap to wait for the reader", || database.execute(waiting).unwrap() == "1").await;
            database.execute(given).unwrap();
            reader.commit().await.unwrap();
        };
        tokio::join!(overwrite(&bench), meanwhile);
        assert_eq!(database.execute(look).unwrap(), "t", "{given}");
        assert_eq!(database.execute(CONTENT).unwrap(), NEW, "{given}");
        assert_eq!(database.execute("select count(*) from pg_class where relname like 'nomaflow%'").unwrap(), "0");
    }
}

#[tokio::test]
async fn two_copies_into_one_table_do_not_run_at_once() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    database.execute("create table t (id int, name text, qty int)").unwrap();
    let bench = source(&folder, database.url()).await;
    let holder = bench.session("pg", Access::ReadWrite).await;
    holder.begin().await.unwrap();
    let lock = "select pg_advisory_xact_lock(hashtextextended('nomaflow copy into ' || 't'::regclass::oid::text, 0))";
    all_rows(&*holder, lock, Vec::new()).await;
    let error = bench.run_copy(copy("lite", "src", "pg", "t", CopyMode::Overwrite)).await.unwrap_err();
    assert!(error.message.contains("another copy into `t` is running") && error.may_retry, "{error}");
}

#[tokio::test]
async fn schemas_and_odd_names_are_quoted() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let folder = TempDir::new().unwrap();
    database.execute("create schema \"My Schema\"; create table \"My Schema\".\"T\"\"x\" (\"Id\" int primary key, name text, qty int); create index on \"My Schema\".\"T\"\"x\" (qty)").unwrap();
    let bench = source(&folder, database.url()).await;
    for _ in 0..2 {
        let mut spec = copy("lite", "src", "pg", "T\"x", CopyMode::Overwrite);
        spec.target.schema = Some("My Schema".into());
        bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{e}\n{}", e.detail));
        assert!(bench.said("swap"));
    }
    assert_eq!(database.execute("select sum(\"Id\") from \"My Schema\".\"T\"\"x\"").unwrap(), "7");
    assert_eq!(database.execute("select count(*) from pg_indexes where schemaname = 'My Schema' and indexname in ('T\"x_pkey', 'T\"x_qty_idx')").unwrap(), "2");
}

#[tokio::test]
async fn a_sqlite_table_keeps_its_shape_and_the_rows_that_refer_to_it() {
    let folder = TempDir::new().unwrap();
    let bench = Set::default()
        .sqlite("lite", &folder.path().join("a.db"))
        .sqlite("report", &folder.path().join("b.db"))
        .build();
    bench
        .execute("lite", &["create table src (id integer, name text)", "insert into src values (1, 'one'), (2, 'two')"])
        .await;
    bench
        .execute(
            "report",
            &[
                "create table t (id integer primary key, name text not null default 'x', note text default 'kept')",
                "create index t_name on t (name)",
                "create view v as select id from t",
                "create table child (t_id integer references t (id) on delete cascade)",
                "insert into t values (1, 'old', 'gone'), (3, 'three', 'gone')",
                "insert into child values (1)",
            ],
        )
        .await;
    let schema = bench.rows("report", "select sql from sqlite_schema order by name").await;
    // A reader keeps what it saw.
    let reader = bench.session("report", Access::Read).await;
    reader.begin().await.unwrap();
    assert_eq!(all_rows(&*reader, "select count(*) from t", Vec::new()).await, [[Value::Int(2)]]);
    bench.run_copy(copy("lite", "src", "report", "t", CopyMode::Overwrite)).await.unwrap();
    assert_eq!(all_rows(&*reader, "select max(id) from t", Vec::new()).await, [[Value::Int(3)]]);
    reader.commit().await.unwrap();
    assert_eq!(bench.rows("report", "select sql from sqlite_schema order by name").await, schema);
    assert_eq!(
        bench.rows("report", "select sum(id), max(note) from t").await,
        [[Value::Int(3), Value::Text("kept".into())]]
    );
    assert_eq!(bench.rows("report", "select count(*) from child").await, [[Value::Int(1)]], "no cascade was set off");
    // A row that others refer to must not vanish.
    bench.execute("lite", &["delete from src where id = 1"]).await;
    let error = bench.run_copy(copy("lite", "src", "report", "t", CopyMode::Overwrite)).await.unwrap_err();
    assert!(error.message.contains("1 rows of `child` would refer to rows that `t` does not have"), "{error}");
    assert_eq!(bench.rows("report", "select count(*) from t").await, [[Value::Int(2)]]);
}
