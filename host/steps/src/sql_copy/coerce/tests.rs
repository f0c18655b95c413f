//! Golden tables, one per rule. Each begins with the sentence of the specification it was written from: C.2 is section
//! C.2 of the fact sheet of the original, §1 the section on JD Edwards conventions of the domain reference.

use std::collections::BTreeMap;

use host_model::JsonMap;
use host_model::job::spec::{CopyMode, CopySource, CopyTarget, OnBadRow, Verify};

use super::*;
use crate::connector::postgres::kind::Kind;

fn spec(change: impl FnOnce(&mut SqlCopySpec)) -> SqlCopySpec {
    let mut spec = SqlCopySpec {
        source: CopySource {
            connector: "jde".into(),
            table: SourceTable::Table { schema: None, table: "F0101".into() },
            columns: Vec::new(),
            filter: None,
            params: JsonMap::new(),
        },
        target: CopyTarget { connector: "out".into(), schema: None, table: "f0101".into() },
        mode: CopyMode::Overwrite,
        type_coercion: TypeCoercion::Jde,
        decimal_mode: DecimalMode::Truncate,
        strip_both_columns: Vec::new(),
        batch_size: 1,
        parallel: 1,
        key_columns: Vec::new(),
        julian_columns: Vec::new(),
        decimal_columns: BTreeMap::new(),
        data_dictionary: None,
        on_bad_row: OnBadRow::Fail,
        bad_row_table: None,
        verify: Verify::Counts,
    };
    change(&mut spec);
    spec
}

fn column(name: &str, kind: Kind, formatted: &str) -> SourceColumn {
    SourceColumn {
        name: name.into(),
        source_type: SourceType::Postgres { kind, formatted: formatted.into() },
        is_sampled: false,
        is_not_null: false,
        key: None,
    }
}

fn place() -> Place {
    Place { connector: "jde".into(), label: "jde".into() }
}

fn planned(spec: &SqlCopySpec, columns: &[SourceColumn]) -> Plan {
    plan(spec, columns, &Dictionary::default(), false, &place()).unwrap()
}

/// What a cell of one column becomes, as text.
fn becomes(spec: &SqlCopySpec, column: &SourceColumn, taste: Taste, cell: Cell<'_>) -> Option<String> {
    let rules = planned(spec, std::slice::from_ref(column)).settle(&[taste], false);
    match rules.apply(0, cell, &mut String::new()) {
        Cell::Null => None,
        other => Some(other.show()),
    }
}

/// The type of a new PostgreSQL table.
fn new_type(spec: &SqlCopySpec, column: &SourceColumn) -> String {
    planned(spec, std::slice::from_ref(column)).columns[0].source_type.for_postgres()
}

/// C.2: "Numeric scale 0 (any precision), any integer type → bigint, unchanged (an older version used 32-bit integer for
/// ≤ 9 digits; overflowed)". §1.3: "All integer-valued NUMBERs map to bigint, not integer".
#[test]
fn whole_numbers_become_bigint_whatever_their_precision() {
    for (kind, formatted) in [
        (Kind::Int2, "smallint"),
        (Kind::Int4, "integer"),
        (Kind::Int8, "bigint"),
        (Kind::Numeric, "numeric(6,0)"),
        (Kind::Numeric, "numeric(38,0)"),
        (Kind::Numeric, "numeric(5)"),
    ] {
        for mode in [DecimalMode::Truncate, DecimalMode::Preserve] {
            let spec = spec(|s| s.decimal_mode = mode);
            let column = column("ABAN8", kind, formatted);
            assert_eq!(new_type(&spec, &column), "bigint", "{formatted}");
            for (stored, want) in
                [("0", "0"), ("-7", "-7"), ("2147483648", "2147483648"), ("9223372036854775807", "9223372036854775807")]
            {
                assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Text(stored)).as_deref(), Some(want));
            }
        }
    }
}

/// C.2: "Numeric scale > 0, truncate → bigint, truncate toward zero: 123.45→123, −123.99→−123; no rounding". §1.3:
/// "dropping any physical fraction toward zero (−1.9 → −1)". §2: "12.99→12, −12.99→−12".
#[test]
fn decimals_are_cut_toward_zero_and_not_rounded() {
    let spec = spec(|_| {});
    let column = column("ABAEXP", Kind::Numeric, "numeric(15,2)");
    assert_eq!(new_type(&spec, &column), "bigint");
    for (stored, want) in [
        ("123.45", "123"),
        ("-123.99", "-123"),
        ("-1.9", "-1"),
        ("12.99", "12"),
        ("-12.99", "-12"),
        ("0.99", "0"),
        ("-0.99", "0"),
        (".5", "0"),
        ("999999999999999999.99", "999999999999999999"),
    ] {
        assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Text(stored)).as_deref(), Some(want), "{stored}");
    }
    for (stored, want) in [(123.45, "123"), (-123.99, "-123"), (-1.9, "-1"), (5e15, "5000000000000000")] {
        assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Float(stored)).as_deref(), Some(want), "{stored}");
    }
    // Nothing is made up for a number that no bigint holds: the target refuses it by name.
    let long = "99999999999999999999.5";
    assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Text(long)).as_deref(), Some("99999999999999999999"));
    assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Text("NaN")).as_deref(), Some("NaN"));
}

/// C.2: "Numeric scale > 0, preserve → numeric(p, s); precision unknown → 38, unchanged".
#[test]
fn decimals_are_preserved_when_asked() {
    let spec = spec(|s| s.decimal_mode = DecimalMode::Preserve);
    let sized = column("ABAEXP", Kind::Numeric, "numeric(15,2)");
    assert_eq!(new_type(&spec, &sized), "numeric(15,2)");
    assert_eq!(becomes(&spec, &sized, Taste::Number, Cell::Text("-123.99")).as_deref(), Some("-123.99"));
    // Neither precision nor scale: a scale of our own would round, so there is none.
    assert_eq!(new_type(&spec, &column("ABAEXP", Kind::Numeric, "numeric")), "numeric");
}

/// C.2: "String(n) / String → varchar(n) / text, NUL bytes removed"; "trim: trailing whitespace of every string". §1.4:
/// "values are right-padded with blanks … Therefore: rtrim on read; blank ≠ NULL: a blank string becomes '' in the mirror
/// tables"; "Remove U+0000 before writing to PostgreSQL". §2: "'  ' → ''".
#[test]
fn padding_and_nul_are_removed_from_text() {
    let spec = spec(|_| {});
    for (kind, formatted, want) in [
        (Kind::Text, "character(10)", "varchar(10)"),
        (Kind::Text, "character varying(40)", "varchar(40)"),
        (Kind::Text, "text", "text"),
    ] {
        let column = column("ABALPH", kind, formatted);
        assert_eq!(new_type(&spec, &column), want);
        for (stored, want) in [
            ("Smith     ", "Smith"),
            ("   ABC  ", "   ABC"),
            ("  ", ""),
            ("", ""),
            ("a\0b", "ab"),
            ("ab  \0\0", "ab"),
            ("\0", ""),
            ("Žluťoučký kůň 🐎   ", "Žluťoučký kůň 🐎"),
        ] {
            assert_eq!(becomes(&spec, &column, Taste::Text, Cell::Text(stored)).as_deref(), Some(want), "{stored:?}");
        }
        assert_eq!(becomes(&spec, &column, Taste::Text, Cell::Null), None, "NULL stays NULL");
    }
}

/// §1.4: blank becomes "NULL only where the target column is a date/number/lookup key".
#[test]
fn a_blank_is_null_only_where_there_can_be_no_text() {
    let column = column("ABAC01", Kind::Text, "character(3)");
    for (taste, want) in [(Taste::Text, Some("")), (Taste::Number, None), (Taste::Other, None)] {
        assert_eq!(becomes(&spec(|_| {}), &column, taste, Cell::Text("   ")).as_deref(), want);
    }
}

/// C.2: "columns in `strip_both_columns` get a both-sides strip instead", "source column names, case-insensitive"; N: S4
/// "trims unconditionally", so without coercion too. §2: "'   ABC' in DRKY → 'ABC'".
#[test]
fn listed_columns_are_stripped_on_both_sides_in_any_case_and_any_mode() {
    for coercion in [TypeCoercion::Jde, TypeCoercion::None] {
        let spec = spec(|s| {
            s.type_coercion = coercion;
            s.strip_both_columns = vec!["drky".into()];
        });
        let column = column("DRKY", Kind::Text, "character(10)");
        for (stored, want) in [("   ABC", "ABC"), ("       01 ", "01"), ("A B", "A B"), ("    ", "")] {
            assert_eq!(becomes(&spec, &column, Taste::Text, Cell::Text(stored)).as_deref(), Some(want), "{stored:?}");
        }
    }
    let none = spec(|s| s.type_coercion = TypeCoercion::None);
    let column = column("DRKY", Kind::Text, "character(10)");
    assert_eq!(becomes(&none, &column, Taste::Text, Cell::Text(" A ")).as_deref(), Some(" A "), "others pass");
    let unknown = spec(|s| s.strip_both_columns = vec!["DRKX".into()]);
    let error = plan(&unknown, &[column], &Dictionary::default(), false, &place()).err().unwrap();
    assert!(error.message.contains("`strip_both_columns` names `DRKX`"), "{error}");
}

/// C.2: "Column names lower-cased on the target".
#[test]
fn names_are_lower_cased() {
    let columns = [column("ABAN8", Kind::Int4, "integer"), column("AbAlPh", Kind::Text, "text")];
    let names = |spec: &SqlCopySpec| planned(spec, &columns).columns.into_iter().map(|c| c.name).collect::<Vec<_>>();
    assert_eq!(names(&spec(|_| {})), ["aban8", "abalph"]);
    assert_eq!(names(&spec(|s| s.type_coercion = TypeCoercion::None)), ["ABAN8", "AbAlPh"], "`none`: source names");
}

/// §1.2: "date = make_date(1900 + v/1000, 1, 1) + (v%1000 − 1). 0, NULL or blank = no date. Valid when 1 ≤ DDD ≤ 365/366;
/// reject (→ NULL + warning counter) otherwise. 126001=2026-01-01, 124366=2024-12-31, 99365=1999-12-31". §2: "126150 →
/// 2026-05-30, 0 → NULL date".
#[test]
fn a_julian_number_becomes_a_date() {
    let spec = spec(|s| s.julian_columns = vec!["abupmj".into()]);
    let column = column("ABUPMJ", Kind::Numeric, "numeric(6,0)");
    assert_eq!(new_type(&spec, &column), "date");
    for (stored, want) in [
        (126_001, Some("2026-01-01")),
        (124_366, Some("2024-12-31")),
        (99_365, Some("1999-12-31")),
        (126_150, Some("2026-05-30")),
        (100_001, Some("2000-01-01")),
        (1, Some("1900-01-01")),
        (124_060, Some("2024-02-29")),
        (123_060, Some("2023-03-01")),
        (200_001, Some("2100-01-01")),
        (0, None),
        (123_366, None),
        (124_367, None),
        (126_000, None),
        (-126_001, None),
        (20_240_229, None),
    ] {
        let text = stored.to_string();
        let cells = [Cell::Int(stored), Cell::Text(&text), Cell::Float(stored as f64)];
        for cell in cells {
            assert_eq!(becomes(&spec, &column, Taste::Other, cell).as_deref(), want, "{cell:?}");
        }
    }
    for (stored, want) in [("126001.00", Some("2026-01-01")), ("126001.5", None), ("   ", None), ("soon", None)] {
        assert_eq!(becomes(&spec, &column, Taste::Other, Cell::Text(stored)).as_deref(), want, "{stored}");
    }
}

/// §1.2, the warning counter: what is no date is counted, what means "no date" is not.
#[test]
fn numbers_that_are_no_dates_are_counted() {
    let spec = spec(|s| s.julian_columns = vec!["ABUPMJ".into()]);
    let rules = planned(&spec, &[column("ABUPMJ", Kind::Numeric, "numeric(6,0)")]).settle(&[Taste::Other], false);
    for stored in [0, 126_001, 126_999, -5] {
        rules.apply(0, Cell::Int(stored), &mut String::new());
    }
    rules.apply(0, Cell::Text(" "), &mut String::new());
    assert_eq!(rules.oddities(), [("abupmj", 2)]);
}

/// §1.2: "How to know that a NUMBER(6) column is a date, in this order: explicit step list `julian_columns`; built-in map
/// for the tables of this file; data dictionary; else leave numeric. Never guess from values".
#[test]
fn dates_are_known_by_name_and_never_guessed() {
    let of_table = |table: &str| spec(|s| s.source.table = SourceTable::Table { schema: None, table: table.into() });
    let date = column("DRUPMJ", Kind::Numeric, "numeric(6,0)");
    assert_eq!(new_type(&of_table("F0005"), &date), "date");
    assert_eq!(new_type(&of_table("f0005"), &date), "date");
    assert_eq!(new_type(&of_table("F4211"), &date), "bigint", "the table is none of the known ones");
    assert_eq!(becomes(&of_table("F4211"), &date, Taste::Number, Cell::Int(126_001)).as_deref(), Some("126001"));
    // A mirror table that keeps the numbers goes on doing so, unless the step says otherwise.
    assert_eq!(becomes(&of_table("F0005"), &date, Taste::Number, Cell::Int(126_001)).as_deref(), Some("126001"));
    let asked = spec(|s| s.julian_columns = vec!["DRUPMJ".into()]);
    assert_eq!(becomes(&asked, &date, Taste::Number, Cell::Int(126_001)).as_deref(), Some("2026-01-01"));
    let text = column("DRUPMJ", Kind::Text, "text");
    let error = plan(&asked, &[text], &Dictionary::default(), false, &place()).err().unwrap();
    assert!(error.message.contains("`julian_columns` names the column `DRUPMJ`, which holds no numbers"), "{error}");
}

/// C.2: "Implied decimals: stored 1234567 with 2 display decimals = 12345.67; scale read from the JDE data dictionary".
#[test]
fn implied_decimals_move_the_point() {
    for mode in [DecimalMode::Preserve, DecimalMode::Truncate] {
        let spec = spec(|s| {
            s.decimal_mode = mode;
            s.decimal_columns = BTreeMap::from([("abuprc".to_owned(), 2)]);
        });
        let column = column("ABUPRC", Kind::Numeric, "numeric(15,0)");
        assert_eq!(new_type(&spec, &column), "numeric(15,2)");
        for (stored, want) in
            [("1234567", "12345.67"), ("-5", "-0.05"), ("0", "0.00"), ("100", "1.00"), ("-1234567", "-12345.67")]
        {
            assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Text(stored)).as_deref(), Some(want), "{stored}");
            let number = stored.parse().unwrap();
            assert_eq!(becomes(&spec, &column, Taste::Number, Cell::Int(number)).as_deref(), Some(want), "{stored}");
        }
    }
    // A physical fraction goes with `truncate` and is kept with `preserve`.
    let fraction = |mode| {
        let spec = spec(|s| {
            s.decimal_mode = mode;
            s.decimal_columns = BTreeMap::from([("ABUPRC".to_owned(), 2)]);
        });
        let column = column("ABUPRC", Kind::Numeric, "numeric(15,1)");
        (new_type(&spec, &column), becomes(&spec, &column, Taste::Number, Cell::Text("150.5")))
    };
    assert_eq!(fraction(DecimalMode::Truncate), ("numeric(15,2)".into(), Some("1.50".into())));
    assert_eq!(fraction(DecimalMode::Preserve), ("numeric(15,3)".into(), Some("1.505".into())));
}

/// C.2: "Text / Date / DateTime / DateTime tz / Time / Boolean / LargeBinary → text / date / timestamp / timestamptz / time /
/// boolean / bytea, unchanged; anything else → text, unchanged".
#[test]
fn other_types_keep_their_values() {
    let spec = spec(|_| {});
    for (kind, formatted, want) in [
        (Kind::Text, "text", "text"),
        (Kind::Date, "date", "date"),
        (Kind::Timestamp, "timestamp without time zone", "timestamp"),
        (Kind::Timestamptz, "timestamp with time zone", "timestamptz"),
        (Kind::Time, "time without time zone", "time"),
        (Kind::Bool, "boolean", "boolean"),
        (Kind::Bytea, "bytea", "bytea"),
        (Kind::Uuid, "uuid", "text"),
        (Kind::Jsonb, "jsonb", "text"),
        (Kind::Other, "inet", "text"),
    ] {
        assert_eq!(new_type(&spec, &column("X", kind, formatted)), want, "{formatted}");
    }
    let inet = column("X", Kind::Other, "inet");
    assert_eq!(becomes(&spec, &inet, Taste::Text, Cell::Text("10.0.0.1 ")).as_deref(), Some("10.0.0.1 "));
    // The same words, declared in SQLite.
    for (declared, want) in [
        ("NUMBER(15,2)", "bigint"),
        ("DECIMAL(8)", "bigint"),
        ("INTEGER", "bigint"),
        ("NCHAR(10)", "varchar(10)"),
        ("VARCHAR2(40)", "varchar(40)"),
        ("CLOB", "text"),
        ("DATE", "date"),
        ("REAL", "bigint"),
    ] {
        let source_type = SourceType::Sqlite { declared: declared.into() };
        let column = SourceColumn { name: "X".into(), source_type, is_sampled: false, is_not_null: false, key: None };
        assert_eq!(new_type(&spec, &column), want, "{declared}");
    }
}

/// C.2: "Trim: only if the source pool has `trim_strings`: trailing whitespace of every string; columns in
/// `strip_both_columns` get a both-sides strip instead". N: S4 strips the listed columns "unconditionally".
#[test]
fn a_pool_that_trims_cuts_the_end_of_every_string_and_of_nothing_else() {
    let with = |trims: bool, change: fn(&mut SqlCopySpec), column: &SourceColumn, cell: &str| {
        let spec = spec(change);
        let plan = plan(&spec, std::slice::from_ref(column), &Dictionary::default(), trims, &place()).unwrap();
        plan.settle(&[Taste::Text], false).apply(0, Cell::Text(cell), &mut String::new()).show()
    };
    let none = |s: &mut SqlCopySpec| s.type_coercion = TypeCoercion::None;
    for (kind, formatted) in
        [(Kind::Text, "character(10)"), (Kind::Text, "character varying(40)"), (Kind::Text, "text")]
    {
        let column = column("ALPH", kind, formatted);
        for (stored, trimmed) in [("Smith     ", "Smith"), ("  A  ", "  A"), ("   ", ""), ("", ""), ("a\0 ", "a\0")] {
            assert_eq!(with(true, none, &column, stored), trimmed, "{formatted} {stored:?}");
            assert_eq!(with(false, none, &column, stored), stored, "{formatted} {stored:?}");
        }
        let both = |s: &mut SqlCopySpec| {
            s.type_coercion = TypeCoercion::None;
            s.strip_both_columns = vec!["alph".into()];
        };
        assert_eq!((with(true, both, &column, "  A  "), with(false, both, &column, "  A  ")), ("A".into(), "A".into()));
    }
    // What is shown as text, and is none.
    for (kind, formatted) in [(Kind::Other, "inet"), (Kind::Json, "json"), (Kind::Label, "mood")] {
        assert_eq!(with(true, none, &column("X", kind, formatted), "x "), "x ", "{formatted}");
    }
}

/// C.2: "Coalesce: only if the target pool has `coalesce_nulls`: string None or \"\" → one space; numeric None → 0 (Oracle
/// treats \"\" as NULL, JDE columns NOT NULL)"; "Order: (1) trim on read → (2) jde → (3) null coalescing on write".
#[test]
fn a_pool_that_coalesces_gets_a_space_for_nothing_and_zero_for_no_number() {
    let filled = |coercion, column: &SourceColumn, taste, cell: Cell<'_>| {
        let spec = spec(|s| s.type_coercion = coercion);
        let plan = plan(&spec, std::slice::from_ref(column), &Dictionary::default(), true, &place()).unwrap();
        let rules = plan.settle(&[taste], true);
        assert!(taste == Taste::Other || !rules.keeps(0), "no row may pass unseen");
        match rules.apply(0, cell, &mut String::new()) {
            Cell::Null => None,
            other => Some(other.show()),
        }
    };
    let name = column("ALPH", Kind::Text, "character varying(10)");
    let number = column("AN8", Kind::Int4, "integer");
    let price = column("UPRC", Kind::Numeric, "numeric(15,2)");
    let day = column("DAY", Kind::Date, "date");
    for coercion in [TypeCoercion::None, TypeCoercion::Jde] {
        for (cell, want) in [
            (Cell::Null, Some(" ")),
            (Cell::Text(""), Some(" ")),
            (Cell::Text("   "), Some(" ")),
            (Cell::Text("x"), Some("x")),
        ] {
            assert_eq!(filled(coercion, &name, Taste::Text, cell).as_deref(), want, "{coercion:?} {cell:?}");
        }
        for (column, taste) in [(&number, Taste::Number), (&price, Taste::Number), (&number, Taste::Text)] {
            assert_eq!(filled(coercion, column, taste, Cell::Null).as_deref(), Some("0"));
            assert_eq!(filled(coercion, column, taste, Cell::Int(7)).as_deref(), Some("7"));
        }
        // A date that is absent stays absent: neither a space nor a zero is one.
        assert_eq!(filled(coercion, &day, Taste::Other, Cell::Null), None);
    }
    // Blank text for a column of numbers is NULL by the rules of JD Edwards, and then 0.
    assert_eq!(filled(TypeCoercion::Jde, &name, Taste::Number, Cell::Text("  ")).as_deref(), Some("0"));
    assert_eq!(filled(TypeCoercion::None, &column("B", Kind::Bytea, "bytea"), Taste::Other, Cell::Null), None);
}

/// A pool that does not say so changes nothing, so that rows may pass as they are.
#[test]
fn a_pool_that_says_nothing_keeps_null_and_the_empty_text_apart() {
    let spec = spec(|s| s.type_coercion = TypeCoercion::None);
    let rules = planned(&spec, &[column("ALPH", Kind::Text, "text")]).settle(&[Taste::Text], false);
    assert!(rules.keeps(0));
    assert_eq!(rules.apply(0, Cell::Null, &mut String::new()), Cell::Null);
    assert_eq!(rules.apply(0, Cell::Text(""), &mut String::new()), Cell::Text(""));
}
