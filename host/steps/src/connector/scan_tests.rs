//! What counts as a parameter and where a statement ends, case by case.

use super::*;
use Dialect::{Postgres, Sqlite};

fn rendered(sql: &str, dialect: Dialect) -> Vec<(String, Vec<String>)> {
    let sign = if dialect == Postgres { '$' } else { '?' };
    split(sql, dialect)
        .unwrap()
        .iter()
        .map(|s| (s.render(|n| format!("{sign}{}", n + 1)), s.names().to_vec()))
        .collect()
}

fn check(sql: &str, dialect: Dialect, want: &[(&str, &[&str])]) {
    let want: Vec<(String, Vec<String>)> =
        want.iter().map(|(s, n)| ((*s).to_owned(), n.iter().map(|n| (*n).to_owned()).collect())).collect();
    assert_eq!(rendered(sql, dialect), want, "{sql}");
}

#[test]
fn a_name_used_twice_is_one_parameter() {
    check("select :a, :b, :a", Postgres, &[("select $1, $2, $1", &["a", "b"])]);
    check("select :a, :b, :a", Sqlite, &[("select ?1, ?2, ?1", &["a", "b"])]);
}

#[test]
fn quotes_casts_and_comments_hold_no_parameters() {
    check(
        "select ':a', \":b\", x::date, :c::int -- :d\n, /* :e /* :f */ */ :g",
        Postgres,
        &[("select ':a', \":b\", x::date, $1::int -- :d\n, /* :e /* :f */ */ $2", &["c", "g"])],
    );
    check("select 'it''s :y', :z", Sqlite, &[("select 'it''s :y', ?1", &["z"])]);
    check("select '12:30:00'::time where t>:t_1", Postgres, &[("select '12:30:00'::time where t>$1", &["t_1"])]);
}

#[test]
fn comments_nest_only_in_postgres() {
    check("select 1 /* a /* b */ :c", Sqlite, &[("select 1 /* a /* b */ ?1", &["c"])]);
    assert!(split("select 1 /* a /* b */ :c", Postgres).is_err());
}

#[test]
fn dollar_quotes_are_opaque_and_dollar_numbers_are_not_quotes() {
    check(
        "do $$ begin x := :y; end $$; select $t$ :a $t$, :b;",
        Postgres,
        &[("do $$ begin x := :y; end $$", &[]), ("select $t$ :a $t$, $1", &["b"])],
    );
    check("select a$b$c, :d, e$b$", Postgres, &[("select a$b$c, $1, e$b$", &["d"])]);
    check("select 1 $ 2, :a", Postgres, &[("select 1 $ 2, $1", &["a"])]);
}

#[test]
fn array_slices_are_not_parameters_but_a_bound_alone_is() {
    check(
        "select a[1:2], a[x:y], b[c[1]:d], a[:n] from t",
        Postgres,
        &[("select a[1:2], a[x:y], b[c[1]:d], a[$1] from t", &["n"])],
    );
}

#[test]
fn backslashes_escape_only_in_e_strings() {
    check("select E'it\\'s :x', 'it''s :y', :z", Postgres, &[("select E'it\\'s :x', 'it''s :y', $1", &["z"])]);
    check("select 'a\\', :c", Postgres, &[("select 'a\\', $1", &["c"])]);
    check("select note'\\', :c", Postgres, &[("select note'\\', $1", &["c"])]);
}

#[test]
fn sqlite_quotes_names_with_brackets_and_backticks() {
    check("select [a:b], `c:d`, :e", Sqlite, &[("select [a:b], `c:d`, ?1", &["e"])]);
}

#[test]
fn empty_statements_and_lone_comments_are_dropped() {
    check(" ; -- only\n ; select 1;;", Postgres, &[("select 1", &[])]);
    assert!(split(" -- nothing\n", Sqlite).unwrap().is_empty());
}

#[test]
fn each_statement_numbers_its_own_parameters() {
    check(
        "delete from t where d = :d; insert into t select * from s where d = :d and x = :x",
        Sqlite,
        &[
            ("delete from t where d = ?1", &["d"]),
            ("insert into t select * from s where d = ?1 and x = ?2", &["d", "x"]),
        ],
    );
}

#[test]
fn the_body_of_a_trigger_is_one_statement() {
    check(
        "create trigger x after insert on t begin update t set a = case when 1 then 2 end; delete from u; end; select 1",
        Sqlite,
        &[
            (
                "create trigger x after insert on t begin update t set a = case when 1 then 2 end; delete from u; end",
                &[],
            ),
            ("select 1", &[]),
        ],
    );
    check(
        "create function f() returns int begin atomic select 1; select 2; end; select 3",
        Postgres,
        &[("create function f() returns int begin atomic select 1; select 2; end", &[]), ("select 3", &[])],
    );
}

#[test]
fn case_end_outside_a_create_does_not_swallow_the_semicolon() {
    check(
        "select case when 1 then 2 end; select 3",
        Sqlite,
        &[("select case when 1 then 2 end", &[]), ("select 3", &[])],
    );
}

#[test]
fn text_beyond_ascii_is_kept() {
    check("select 'ž :a', ž:b, :c_é", Postgres, &[("select 'ž :a', ž:b, $1", &["c_é"])]);
}

#[test]
fn a_quote_without_end_names_its_line() {
    let error = split("select 1;\nselect 'abc", Sqlite).unwrap_err();
    assert_eq!(error.to_string(), "the SQL text has no end for the `'` in line 2");
    assert!(split("select $x$ 1", Postgres).unwrap_err().to_string().contains("`$x$`"));
    assert!(split("select /* 1", Sqlite).is_err());
    assert!(split("select [a", Sqlite).is_err());
    assert!(split("select E'a\\", Postgres).is_err());
}

#[test]
fn the_first_word_tells_reading_from_writing_and_transaction_control() {
    let one = |sql: &str| split(sql, Postgres).unwrap().remove(0);
    assert!(one("-- note\n SELECT 1").is_reading());
    assert!(one("(select 1) union (select 2)").is_reading());
    assert!(one("with a as (select 1) select * from a").is_reading());
    assert!(!one("insert into t values (1)").is_reading());
    assert!(one("COMMIT").is_transaction_control());
    assert!(one("rollback work").is_transaction_control());
    assert!(!one("rollback to savepoint a").is_transaction_control());
    assert!(!one("prepare p as select 1").is_transaction_control());
}

#[test]
fn mysql_has_backslashes_backticks_and_comments_of_its_own() {
    for (sql, want) in [
        (r"select 'a\':b', :c", vec!["c"]),
        (r#"select "a\":b", :c"#, vec!["c"]),
        ("select `a:b`, :c", vec!["c"]),
        ("select 1 # :a\n, :c", vec!["c"]),
        ("select 5--1, :c", vec!["c"]),
        ("select 5 -- :a\n, :c", vec!["c"]),
        ("select @x := :c", vec!["c"]),
        ("select /* :a /* */ :c", vec!["c"]),
        ("select a[1], :c", vec!["c"]),
    ] {
        let statements = split(sql, Dialect::MySql).unwrap();
        assert_eq!(statements.len(), 1, "{sql}");
        assert_eq!(statements[0].names(), want, "{sql}");
    }
    let body = "create procedure p() begin if 1 then select case 2 when 2 then 3 end; end if; \
                case 1 when 1 then select 4; end case; end; select 1";
    assert_eq!(split(body, Dialect::MySql).unwrap().len(), 2);
    let hidden = split("/*! delete from t */", Dialect::MySql).unwrap();
    assert!(!hidden[0].is_reading());
}
