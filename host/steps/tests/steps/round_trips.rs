//! Values of every common type on every way there is: copied between PostgreSQL and SQLite and back, and read by the
//! cursor of a plugin and inserted again. The judge is always the database itself: what it prints of the rows before and
//! after must be the same text.

use host_model::job::spec::{CopyMode, SqlCopySpec, Verify};
use host_model::port::Access;
use host_model::value::{Row, Value};
use tempfile::TempDir;
use test_support::{Database, Postgres};

use crate::kit::{Bench, Set, all_rows, copy, text};

/// Columns of every common type; `id` tells rows apart.
const TABLE: &str = "create type mood as enum ('sad', 'so, so', 'Žluť');
    create domain address as text check (value <> 'nobody');
    create domain price as numeric(40,10);
    create table every (id int primary key, bo boolean, i2 smallint, i4 int, i8 bigint, oi oid, f4 real, f8 double precision,
      n numeric, n2 numeric(48,10), te text, vc varchar(40), ch char(8), by bytea, da date, ts timestamp, tz timestamptz,
      t3 timestamp(3), ti time, tt timetz, iv interval, uu uuid, js json, jb jsonb, ia int[], ta text[], na numeric[],
      ip inet, ci cidr, ma macaddr, mo money, xm xml, en mood, ad address, pr price, bi bit(4), vb varbit, ra int8range,
      po point, ve tsvector);";

/// Each column with values at the edges of its type, as SQL literals.
const EDGES: &[(&str, &[&str])] = &[
    ("bo", &["true", "false"]),
    ("i2", &["-32768", "32767", "0"]),
    ("i4", &["-2147483648", "2147483647"]),
    ("i8", &["-9223372036854775808", "9223372036854775807"]),
    ("oi", &["4294967295", "0"]),
    ("f4", &["'NaN'", "'Infinity'", "'-Infinity'", "1e-45", "3.4028235e38", "0.1"]),
    ("f8", &["'NaN'", "'Infinity'", "'-Infinity'", "5e-324", "1.7976931348623157e308", "0.1", "1e23"]),
    (
        "n",
        &[
            "'NaN'",
            "0",
            "0.00",
            "-0.000000000000000000000000000000000000000001",
            "1e38",
            "-1e-38",
            "1e1000",
            "12345678901234567890123456789012345678.12345678901234567890123456789012345678",
            "10000",
            "100000000.0000",
        ],
    ),
    ("n2", &["99999999999999999999999999999999999999.9999999999", "-0.0000000001", "1.50"]),
    (
        "te",
        &[
            "''",
            "' '",
            "'🐎 Žluťoučký \u{200d} \u{10ffff}'",
            "E'a\\\\b\\tc\\nd\\'e\"f\\r\\x01'",
            "'NULL'",
            "'\\N'",
            "'{}'",
        ],
    ),
    ("vc", &["''", "'x '", "'ž🐎'"]),
    ("ch", &["''", "'ab'", "'🐎'", "'12345678'"]),
    ("by", &["''", "'\\x00'", "'\\x00ff5c0a'", "'\\x7e7e'"]),
    (
        "da",
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 BC'",
            "'0001-01-01'",
            "'9999-12-31'",
            "'5874897-12-31'",
            "'2024-02-29'",
        ],
    ),
    (
        "ts",
        &[
            "'infinity'",
            "'-infinity'",
            "'4713-01-01 00:00:00 BC'",
            "'0001-01-01 00:00:00.000001'",
            "'0001-12-31 23:59:59.999999 BC'",
            "'9999-12-31 23:59:59.999999'",
            "'294276-12-31 23:59:59.999999'",
            "'1969-12-31 23:59:59.999999'",
            "'2000-01-01'",
        ],
    ),
    (
        "tz",
        &[
            "'infinity'",
            "'-infinity'",
            "'0001-01-01 00:00:00.5+00'",
            "'0044-03-15 12:00:00+00 BC'",
            "'9999-12-31 23:59:59.999999+00'",
            "'2013-06-30 23:59:59.999999+05:45'",
            "'294276-12-31 23:59:59.999999+00'",
        ],
    ),
    ("t3", &["'2024-02-29 12:34:56.789'"]),
    ("ti", &["'00:00:00'", "'24:00:00'", "'23:59:59.999999'"]),
    ("tt", &["'23:59:59.999999+05:45'", "'00:00:00-12'"]),
    ("iv", &["'0'", "'-1 year -2 mons +3 days -04:05:06.789'", "'178000000 years'", "'0.000001 s'"]),
    ("uu", &["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"]),
    ("js", &["'{\"a\":  [1, null, 1e400]}'", "'\"\"'", "'null'", "'[12345678901234567890.10]'"]),
    ("jb", &["'{\"b\": 1, \"a\": [1.50, \"🐎\"]}'", "'null'", "'\"\\u00e9\"'"]),
    ("ia", &["'{}'", "'{1,NULL,-2147483648}'", "'{{1,2},{3,4}}'", "'[0:1]={5,6}'"]),
    ("ta", &["'{}'", "'{a,\"b c\",\"\",NULL,\"NULL\",\"x\\\"y\",\"🐎\"}'"]),
    ("na", &["'{1.50,NaN,NULL,12345678901234567890.1}'"]),
    ("ip", &["'10.1.0.0/16'", "'::1'", "'fe80::1/64'", "'0.0.0.0/0'"]),
    ("ci", &["'10.0.0.0/8'", "'2001:db8::/32'"]),
    ("ma", &["'08:00:2b:01:02:03'"]),
    ("mo", &["'-92233720368547758.08'", "'92233720368547758.07'", "'0'"]),
    ("xm", &["'<a b=\"c\">🐎<d/></a>'", "''"]),
    ("en", &["'sad'", "'so, so'", "'Žluť'"]),
    ("ad", &["'somebody'", "''"]),
    ("pr", &["'-123456789012345678901234567890.0123456789'"]),
    ("bi", &["'1010'"]),
    ("vb", &["''", "'10101010101'"]),
    ("ra", &["'empty'", "'[1,5)'", "'(,)'"]),
    ("po", &["'(1.5,-2e10)'"]),
    ("ve", &["'''a b'':1A c'", "''"]),
];

/// Whole rows of [`EDGES`]: the columns take turns, and between them a row of NULLs.
fn fill(database: &Database<'_>) {
    database.execute(TABLE).unwrap();
    let longest = EDGES.iter().map(|(_, values)| values.len()).max().unwrap();
    let names = EDGES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut sql = "insert into every (id) values (0);\n".to_owned();
    for n in 0..longest {
        let cells: Vec<&str> = EDGES.iter().map(|(_, values)| values[n % values.len()]).collect();
        sql += &format!("insert into every (id, {names}) values ({}, {});\n", n + 1, cells.join(", "));
    }
    database.execute(&sql).unwrap();
}

/// A table like `every` under another name.
fn twin(database: &Database<'_>, name: &str) {
    database.execute(&format!("drop table if exists {name}; create table {name} (like every including all)")).unwrap();
}

/// Every cell of a table as the server prints it.
fn printed(database: &Database<'_>, table: &str) -> Vec<String> {
    let sql = format!("select replace(r::text, E'\\n', '⏎') from {table} r order by id");
    database.execute(&sql).unwrap().lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_same(database: &Database<'_>, table: &str, way: &str) {
    let (want, found) = (printed(database, "every"), printed(database, table));
    for (want, found) in want.iter().zip(&found) {
        assert_eq!(want, found, "{way}");
    }
    assert_eq!(want.len(), found.len(), "{way}");
}

fn setup<'s>(server: &'s Postgres, folder: &TempDir) -> (Database<'s>, Bench) {
    let database = server.database().unwrap();
    let path = |name: &str| folder.path().join(name);
    let bench = Set::default()
        .postgres("pg", database.url())
        .sqlite("lite", &path("a.db"))
        .sqlite("lite2", &path("b.db"))
        .build();
    (database, bench)
}

async fn copied(bench: &Bench, spec: SqlCopySpec, way: &str) {
    bench.run_copy(spec).await.unwrap_or_else(|e| panic!("{way}: {e}\n{}", e.detail));
}

/// Takes `every` through all the ways a copy can go and back into a table of the same types.
async fn every_way(database: &Database<'_>, bench: &Bench, label: &str) {
    let overwrite =
        |from: &str, table: &str, to: &str, target: &str| copy(from, table, to, target, CopyMode::Overwrite);
    for verify in [Verify::Counts, Verify::Checksum] {
        let spec = |from: &str, table: &str, to: &str, target: &str| {
            let mut spec = overwrite(from, table, to, target);
            spec.verify = verify;
            spec
        };
        let way = format!("{label} PostgreSQL to PostgreSQL, {verify:?}");
        twin(database, "t");
        copied(bench, spec("pg", "every", "pg", "t"), &way).await;
        assert_same(database, "t", &way);
        // By parameters, which no raw COPY takes: cell by cell.
        twin(database, "t");
        let mut by_cell = spec("pg", "every", "pg", "t");
        by_cell.source.filter = Some("id >= :low".into());
        by_cell.source.params = serde_json::json!({"low": 0}).as_object().cloned().unwrap();
        copied(bench, by_cell, &way).await;
        assert_same(database, "t", &way);
        // Over SQLite, twice.
        let way = format!("{label} PostgreSQL to SQLite to SQLite to PostgreSQL, {verify:?}");
        bench.execute("lite", &["drop table if exists t"]).await;
        bench.execute("lite2", &["drop table if exists t"]).await;
        copied(bench, spec("pg", "every", "lite", "t"), &way).await;
        copied(bench, spec("lite", "t", "lite2", "t"), &way).await;
        twin(database, "t");
        copied(bench, spec("lite2", "t", "pg", "t"), &way).await;
        assert_same(database, "t", &way);
    }
    // Into a table that the copy makes.
    let way = format!("{label} into a new table");
    database.execute("drop table if exists t").unwrap();
    copied(bench, overwrite("pg", "every", "pg", "t"), &way).await;
    assert_same(database, "t", &way);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_survives_every_copy() {
    let (server, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let (database, bench) = setup(&server, &folder);
    fill(&database);
    every_way(&database, &bench, "edges").await;
    // The sign of a floating zero, which SQLite does not keep.
    database.execute("truncate every; insert into every (id, f4, f8) values (1, '-0', '-0')").unwrap();
    for verify in [Verify::Counts, Verify::Checksum] {
        twin(&database, "t");
        let mut spec = copy("pg", "every", "pg", "t", CopyMode::Overwrite);
        spec.verify = verify;
        copied(&bench, spec, "negative zero").await;
        assert_same(&database, "t", "negative zero");
    }
}

#[tokio::test]
async fn every_type_survives_the_cursor_of_a_plugin() {
    let (server, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let (database, bench) = setup(&server, &folder);
    fill(&database);
    let names = database.execute("select attname from pg_attribute where attrelid = 'every'::regclass and attnum > 0");
    let names: Vec<String> = names.unwrap().lines().map(str::to_owned).collect();
    let reader = bench.session("pg", Access::Read).await;
    let rows = all_rows(&*reader, "select * from every order by id", Vec::new()).await;
    drop(reader);

    twin(&database, "t");
    let writer = bench.session("pg", Access::ReadWrite).await;
    assert_eq!(writer.insert_rows("t", &names, rows.clone()).await.unwrap(), rows.len() as u64);
    assert_same(&database, "t", "insert_rows");

    // One by one, as bound parameters.
    twin(&database, "t");
    let places: Vec<String> = names.iter().map(|name| format!(":{name}")).collect();
    let insert = format!("insert into t values ({})", places.join(", "));
    for row in &rows {
        let binds = names.iter().cloned().zip(row.iter().cloned()).collect();
        writer.execute(&insert, binds).await.unwrap_or_else(|e| panic!("{row:?}: {e}"));
    }
    assert_same(&database, "t", "bound parameters");

    // Into SQLite and out again: what a cursor there returns fits PostgreSQL.
    bench.execute("lite", &[&format!("create table t ({})", names.join(", "))]).await;
    let lite = bench.session("lite", Access::ReadWrite).await;
    lite.insert_rows("t", &names, rows).await.unwrap();
    let back: Vec<Row> = all_rows(&*lite, "select * from t order by id", Vec::new()).await;
    twin(&database, "t");
    writer.insert_rows("t", &names, back).await.unwrap_or_else(|e| panic!("{e}"));
    assert_same(&database, "t", "by way of SQLite");
}

/// Small and well known (xorshift64*): the rows depend on the seed and on nothing else.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn digits(&mut self, most: u64) -> String {
        let count = self.below(most) + 1;
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// Any text but NUL, often with what formats trip over.
    fn text(&mut self) -> String {
        const TRAPS: [char; 14] =
            ['\'', '"', '\\', '\n', '\r', '\t', ',', '{', '}', ' ', '\u{b}', 'ž', '🐎', '\u{feff}'];
        let count = self.below(12);
        let one = |dice: &mut Self| match dice.below(3) {
            0 => TRAPS[dice.below(TRAPS.len() as u64) as usize],
            1 => char::from(b'!' + dice.below(90) as u8),
            _ => char::from_u32(1 + dice.below(0x10_ffff) as u32).unwrap_or('x'),
        };
        (0..count).map(|_| one(self)).collect()
    }

    /// A literal of the column's type.
    fn literal(&mut self, column: &str) -> String {
        let sign = ["", "-"][self.below(2) as usize];
        let quoted = |text: String| format!("'{}'", text.replace('\'', "''"));
        match column {
            "i2" => (self.next() as i16).to_string(),
            "i4" => (self.next() as i32).to_string(),
            "i8" => format!("'{}'", self.next() as i64),
            "f4" => format!("'{}'", f32::from_bits(self.next() as u32)).replace("inf", "Infinity"),
            "f8" => format!("'{:e}'", f64::from_bits(self.next())).replace("inf", "Infinity"),
            "n" => format!("'{sign}{}.{}'", self.digits(60), self.digits(60)),
            "n2" => format!("'{sign}{}.{}'", self.digits(38), self.digits(10)),
            "te" | "ad" => quoted(self.text()),
            "vc" => quoted(self.text()),
            "ch" => quoted(self.text().chars().take(8).collect()),
            "by" => {
                let count = self.below(20);
                let hex: String = (0..count).map(|_| format!("{:02x}", self.below(256))).collect();
                format!("'\\x{hex}'")
            }
            "da" => format!("'0001-01-01'::date + {}", self.below(5_000_000) as i64 - 1_700_000),
            "ts" => format!("'2000-01-01'::timestamp + '{} us'", self.next() as i64 / 44),
            "tz" => format!("'2000-01-01 00:00+00'::timestamptz + '{} us'", self.next() as i64 / 44),
            "ti" => format!("'00:00'::time + '{} us'", self.below(86_400_000_000)),
            "iv" => format!("'{} mons {} days {} us'", self.next() as i16, self.next() as i16, self.next() as i64 >> 8),
            "js" | "jb" => {
                // A zero character is no text in jsonb, and surrogates come in pairs.
                let text = serde_json::Value::from(self.text());
                quoted(serde_json::json!({ "k": text, "n": self.next() as i64 }).to_string())
            }
            "ia" => format!("array[{}, null, {}]", self.next() as i32, self.next() as i32),
            "ta" => format!("array[{}, null, {}]::text[]", quoted(self.text()), quoted(self.text())),
            "uu" => format!("'{:016x}{:016x}'", self.next(), self.next()),
            _ => "null".to_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_made_by_chance_survive_every_copy() {
    let (server, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    for seed in [0x9e37_79b9_7f4a_7c15, 0xdead_beef_cafe_f00d] {
        let (database, bench) = setup(&server, &folder);
        database.execute(TABLE).unwrap();
        let mut dice = Dice(seed);
        let columns: Vec<&str> = EDGES.iter().map(|(name, _)| *name).collect();
        let mut sql = String::new();
        for id in 0..150 {
            let cells: Vec<String> =
                columns.iter().map(|c| if dice.below(8) == 0 { "null".into() } else { dice.literal(c) }).collect();
            sql += &format!("insert into every (id, {}) values ({id}, {});\n", columns.join(", "), cells.join(", "));
        }
        database.execute(&sql).unwrap();
        every_way(&database, &bench, &format!("seed {seed:#x}")).await;
    }
}

#[tokio::test]
async fn what_sqlite_holds_survives_a_copy_into_sqlite() {
    let folder = TempDir::new().unwrap();
    let set = Set::default().sqlite("a", &folder.path().join("a.db")).sqlite("b", &folder.path().join("b.db"));
    let bench = set.build();
    bench
        .execute(
            "a",
            &[
                "create table t (id integer primary key, i integer, r real, n numeric, x text, b blob, o, d date, ts timestamp, bo boolean)",
                "insert into t values (1, 9223372036854775807, 1e999, '12345678901234567890.10', 'a' || char(0) || 'b', x'00ff', 1.0, '0001-01-01', '9999-12-31 23:59:59.999999', 1)",
                "insert into t values (2, -9223372036854775808, -1e999, 1.50, '', x'', 'x', 'infinity', 'not a time', 0)",
                "insert into t values (3, 'text in a whole number', 5e-324, -0.0, '🐎' || char(1114111), 'text in a blob', x'01', null, '0044-03-15 BC', 7)",
                "insert into t values (4, null, null, null, null, null, null, null, null, null)",
                // Not UTF-8, which SQLite takes without a look.
                "insert into t values (5, 0.5, 0.1, x'ff', '1', cast('7' as blob), 9007199254740993, '2024-02-29', '2024-02-29T10:00:00Z', 'yes')",
            ],
        )
        .await;
    let judge = "select group_concat(quote(id) || typeof(i) || quote(i) || typeof(r) || quote(r) || typeof(n) || quote(n) || typeof(x) || hex(x) || typeof(b) \
                 || hex(b) || typeof(o) || quote(o) || typeof(d) || quote(d) || typeof(ts) || quote(ts) || typeof(bo) || quote(bo), '|') from t";
    let want = bench.rows("a", judge).await;
    for (table, mode) in [("t", CopyMode::Overwrite), ("t", CopyMode::Overwrite)] {
        bench.run_copy(copy("a", "t", "b", table, mode)).await.unwrap();
        assert_eq!(bench.rows("b", judge).await, want, "{mode:?}");
    }
}

#[tokio::test]
async fn what_postgres_cannot_hold_is_refused_by_row_and_column() {
    let (server, folder) = (Postgres::start().unwrap(), TempDir::new().unwrap());
    let (database, bench) = setup(&server, &folder);
    bench.execute("lite", &["create table s (id integer, x text, n numeric, d date, i integer)"]).await;
    database.execute("create table t (id int, x text, n numeric(10,2), d date, i int)").unwrap();
    for (bad, column, shown) in [
        ("'a' || char(0) || 'b', 1, null, 1", "x", "a\0b"),
        ("cast(x'ff' as text), 1, null, 1", "x", "text that is not UTF-8"),
        ("'x', 'twelve', null, 1", "n", "twelve"),
        ("'x', 1, '2024-02-30', 1", "d", "2024-02-30"),
        ("'x', 1, null, 3000000000", "i", "3000000000"),
    ] {
        bench.execute("lite", &["delete from s", "insert into s values (1, 'fine', 1, '2024-02-29', 1)"]).await;
        bench.execute("lite", &[&format!("insert into s select 2, {bad}")]).await;
        let error = bench.run_copy(copy("lite", "s", "pg", "t", CopyMode::Overwrite)).await.unwrap_err();
        let want = format!("row 2, column `{column}`: `{shown}` does not fit");
        assert!(error.message.contains(&want) && !error.may_retry, "{bad}: {error}");
    }
    let session = bench.session("pg", Access::ReadWrite).await;
    let error =
        session.insert_rows("t", &["x".into()], vec![vec![text("fine")], vec![text("a\0b")]]).await.unwrap_err();
    assert!(error.message.contains("row 2") && error.message.contains("`x`"), "{error}");
    let bound = session.execute("insert into t (x) values (:x)", vec![("x".into(), text("a\0b"))]).await.unwrap_err();
    assert!(bound.message.contains("0x00") || bound.message.contains("NUL"), "{bound}");
    assert_eq!(database.execute("select count(*) from t").unwrap(), "0");
    assert_eq!(bench.rows("lite", "select count(*) from s").await, [[Value::Int(2)]]);
}
