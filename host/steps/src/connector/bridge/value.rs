//! Parameters for drivers in Python: what their objects cannot hold goes as text that the database reads. A `datetime` has
//! six digits of a second, and the drivers drop its offset.

use host_model::connector::Dialect;
use host_model::value::{Row, Value};

/// One value as it is bound.
pub(super) fn bound(value: &Value, dialect: Dialect) -> Value {
    match value {
        // Only the newest Oracle has booleans.
        Value::Bool(b) if dialect == Dialect::Oracle => Value::Int(i64::from(*b)),
        Value::Timestamp(text) if !is_plain(text) => Value::Text(spelled(text, dialect)),
        Value::Other(_, text) => Value::Text(text.clone()),
        other => other.clone(),
    }
}

/// Rows for one statement: a column has one type, whatever its rows hold.
pub(super) fn rows(rows: &[Row], dialect: Dialect) -> Vec<Row> {
    let mut out: Vec<Row> = rows.iter().map(|row| row.iter().map(|cell| bound(cell, dialect)).collect()).collect();
    let width = out.first().map_or(0, Vec::len);
    for n in 0..width {
        let is = |kind: fn(&Value) -> bool| out.iter().any(|row| row.get(n).is_some_and(kind));
        let has_text = is(|cell| matches!(cell, Value::Text(_)));
        let has_other = is(|cell| !matches!(cell, Value::Text(_) | Value::Null | Value::Bytes(_)));
        if has_text && has_other {
            for cell in out.iter_mut().filter_map(|row| row.get_mut(n)) {
                *cell = as_text(std::mem::replace(cell, Value::Null), dialect);
            }
        }
    }
    out
}

fn as_text(value: Value, dialect: Dialect) -> Value {
    match value {
        Value::Null | Value::Bytes(_) | Value::Text(_) => value,
        Value::Bool(b) => Value::Text(i64::from(b).to_string()),
        Value::Int(n) => Value::Text(n.to_string()),
        Value::Float(f) => Value::Text(f.to_string()),
        Value::Timestamp(text) => Value::Text(spelled(&text, dialect)),
        Value::Decimal(text) | Value::Date(text) | Value::Other(_, text) => Value::Text(text),
    }
}

/// Whether a `datetime` holds it without loss.
fn is_plain(text: &str) -> bool {
    let digits = text.split_once('.').map_or("", |(_, rest)| rest);
    let has_offset = text.get(11..).is_some_and(|time| time.contains(['Z', '+', '-']));
    !has_offset && digits.len() <= 6
}

/// As the session's settings read it.
fn spelled(text: &str, dialect: Dialect) -> String {
    let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) else { return text.replacen('T', " ", 1) };
    match dialect {
        Dialect::Oracle => at.format("%Y-%m-%d %H:%M:%S%.9f %:z").to_string(),
        _ => at.format("%Y-%m-%d %H:%M:%S%.f%:z").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_datetime_would_lose_is_bound_as_text() {
        let stamp = |text: &str| bound(&Value::Timestamp(text.into()), Dialect::Oracle);
        assert_eq!(stamp("2026-11-02T09:05:00.123456"), Value::Timestamp("2026-11-02T09:05:00.123456".into()));
        assert_eq!(stamp("2026-11-02T09:05:00.123456789"), Value::Text("2026-11-02 09:05:00.123456789".into()));
        assert_eq!(stamp("2026-11-02T09:05:00+02:00"), Value::Text("2026-11-02 09:05:00.000000000 +02:00".into()));
        assert_eq!(bound(&Value::Bool(true), Dialect::Oracle), Value::Int(1));
        assert_eq!(bound(&Value::Bool(true), Dialect::Odbc), Value::Bool(true));
    }

    #[test]
    fn a_column_of_many_rows_has_one_type() {
        let given = vec![
            vec![Value::Timestamp("2026-11-02T09:05:00".into()), Value::Int(1)],
            vec![Value::Timestamp("2026-11-02T09:05:00Z".into()), Value::Decimal("1.5".into())],
            vec![Value::Null, Value::Null],
        ];
        let out = rows(&given, Dialect::Oracle);
        assert_eq!(out[0], [Value::Text("2026-11-02 09:05:00".into()), Value::Int(1)]);
        assert_eq!(out[1][0], Value::Text("2026-11-02 09:05:00.000000000 +00:00".into()));
        assert_eq!(out[2], [Value::Null, Value::Null]);
    }
}
