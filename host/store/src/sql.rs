//! The small bridge between one statement text and two drivers: [`Conn`] runs it, [`Bind`] is a parameter.
//!
//! Invariants on the way in, equal in both dialects: instants are cut to milliseconds; a NUL character in a text becomes
//! U+2400 `␀`, because PostgreSQL refuses it and command line tools end there; JSON nested deeper than our own reader
//! can follow is replaced by a note, so that a stored row can always be read again.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{SecondsFormat, SubsecRound};
use host_model::{Instant, Json, JsonMap};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnection, PgTypeInfo, Postgres};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

use crate::error::DbError;
use crate::loan::Watch;
use crate::row::StoredRow;

/// One parameter; `None` is NULL of its type, which PostgreSQL wants to know.
#[derive(Debug, Clone)]
pub(crate) enum Bind<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
    At(Option<Instant>),
    Json(Option<String>),
    Flag(bool),
}

impl<'a> Bind<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Text(Some(visible_nul(text)))
    }

    pub(crate) fn opt_text(text: Option<&'a str>) -> Self {
        Self::Text(text.map(visible_nul))
    }

    /// A list of texts, as JSON.
    pub(crate) fn texts(texts: &[String]) -> Self {
        Self::word(Json::from(texts.to_vec()))
    }

    /// A run id or another value with a printed form.
    pub(crate) fn word(value: impl std::fmt::Display) -> Self {
        Self::Text(Some(Cow::Owned(value.to_string())))
    }

    pub(crate) fn int(value: impl Into<i64>) -> Self {
        Self::Int(Some(value.into()))
    }

    pub(crate) fn at(at: Instant) -> Self {
        Self::At(Some(storable(at)))
    }

    pub(crate) fn opt_at(at: Option<Instant>) -> Self {
        Self::At(at.map(storable))
    }

    pub(crate) fn json(value: Option<&Json>) -> Self {
        Self::Json(value.map(|value| readable_json(value.to_string())))
    }

    pub(crate) fn json_map(map: Option<&JsonMap>) -> Self {
        // A map of strings to values always serializes.
        Self::Json(map.map(|map| readable_json(serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned()))))
    }
}

impl Bind<'_> {
    /// The value as JSON from which SQLite's `->>` makes what would be bound.
    pub(crate) fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => text.as_deref().into(),
            Self::Int(value) => (*value).into(),
            Self::At(at) => at.map(render_at).into(),
            Self::Json(text) => text.as_deref().into(),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// A count without a sign; both databases have one.
pub(crate) fn count(value: u64) -> Bind<'static> {
    Bind::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// Makes NUL characters visible, see the module note.
pub(crate) fn visible_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

/// Cut to milliseconds and to the years that RFC 3339 can write, so that stored texts sort as instants do.
pub(crate) fn storable(at: Instant) -> Instant {
    const FIRST: i64 = -62_167_219_200_000; // 0000-01-01T00:00:00.000Z
    const LAST: i64 = 253_402_300_799_999; // 9999-12-31T23:59:59.999Z
    let at = at.trunc_subsecs(3);
    Instant::from_timestamp_millis(at.timestamp_millis().clamp(FIRST, LAST)).unwrap_or(at)
}

/// The one spelling of an instant in SQLite.
pub(crate) fn render_at(at: Instant) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `serde_json` reads 127 levels; the API wraps what is stored in a few more.
const MAX_DEPTH: usize = 120;

fn readable_json(text: String) -> String {
    if depth(&text) <= MAX_DEPTH {
        return text;
    }
    format!(r#"{{"not_kept":"nested deeper than {MAX_DEPTH} levels"}}"#)
}

fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// `json` for PostgreSQL; a plain string would be of type text, which the server does not convert by itself.
struct PgJson<'a>(&'a str);

impl Type<Postgres> for PgJson<'_> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(114))
    }
}

impl Encode<'_, Postgres> for PgJson<'_> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

/// A connection inside a transaction, or one that only reads.
pub(crate) enum Conn<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection, &'c mut Watch),
}

impl Conn<'_> {
    /// What takes a lock on the rows a SELECT finds, or nothing: SQLite has one writer, and every row is its own.
    pub(crate) fn locking(&self, clause: &'static str) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(..) => clause,
        }
    }

    /// Runs one statement and counts the rows it changed.
    pub(crate) async fn execute(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64, DbError> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(conn) => {
                sqlx::query_with(sql, sqlite_arguments(binds)?).execute(&mut **conn).await?.rows_affected()
            }
            Self::Postgres(conn, watch) => {
                let query = sqlx::query_with(sql, postgres_arguments(binds)?);
                watch.over(query.execute(&mut **conn)).await?.rows_affected()
            }
        })
    }

    /// Like [`Conn::execute`] for a text that is hardly ever the same twice: it is not kept prepared.
    pub(crate) async fn execute_once(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<u64, DbError> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(conn) => {
                let query = sqlx::query_with(sql, sqlite_arguments(binds)?).persistent(false);
                query.execute(&mut **conn).await?.rows_affected()
            }
            Self::Postgres(conn, watch) => {
                let query = sqlx::query_with(sql, postgres_arguments(binds)?).persistent(false);
                watch.over(query.execute(&mut **conn)).await?.rows_affected()
            }
        })
    }

    /// Runs statements over one list of parameters, in order, until one changes nothing; counts the rows changed by all.
    ///
    /// SQLite is sent all of them in one go, because a trip to its thread and back costs more than a statement does. So
    /// each but the first must be one that changes nothing when the one before it has changed nothing.
    pub(crate) async fn execute_in_turn(&mut self, statements: &[&str], binds: &[Bind<'_>]) -> Result<u64, DbError> {
        if let Self::Sqlite(_) = self {
            return self.execute(&statements.join("; "), binds).await;
        }
        let mut changed = 0;
        for statement in statements {
            match self.execute(statement, binds).await? {
                0 => break,
                rows => changed += rows,
            }
        }
        Ok(changed)
    }

    /// Runs one SELECT.
    pub(crate) async fn fetch_all(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Vec<StoredRow>, DbError> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(conn) => {
                let rows = sqlx::query_with(sql, sqlite_arguments(binds)?).fetch_all(&mut **conn).await?;
                rows.into_iter().map(StoredRow::Sqlite).collect()
            }
            Self::Postgres(conn, watch) => {
                let query = sqlx::query_with(sql, postgres_arguments(binds)?);
                let rows = watch.over(query.fetch_all(&mut **conn)).await?;
                rows.into_iter().map(StoredRow::Postgres).collect()
            }
        })
    }

    /// Runs one SELECT of texts and numbers that may find thousands of rows. SQLite tells them in one JSON text, because the
    /// driver's way costs 20 µs for each row of this width.
    pub(crate) async fn fetch_many(
        &mut self,
        columns: &'static str,
        sql: &str,
        binds: &[Bind<'_>],
    ) -> Result<Vec<StoredRow>, DbError> {
        let Self::Sqlite(_) = self else { return self.fetch_all(sql, binds).await };
        let whole = format!("select json_group_array(json_array({columns})) as told from ({sql})");
        let Some(row) = self.fetch_optional(&whole, binds).await? else { return Ok(Vec::new()) };
        let rows: Vec<Vec<Json>> = serde_json::from_str(&row.text("told")?)
            .map_err(|error| DbError::Corrupt(format!("rows cannot be read: {error}")))?;
        let names: Arc<[&'static str]> = columns.split(", ").collect();
        Ok(rows.into_iter().map(|values| StoredRow::Told(Arc::clone(&names), values)).collect())
    }

    /// The first row of a SELECT.
    pub(crate) async fn fetch_optional(&mut self, sql: &str, binds: &[Bind<'_>]) -> Result<Option<StoredRow>, DbError> {
        Ok(self.fetch_all(sql, binds).await?.into_iter().next())
    }

    /// Runs several statements without parameters.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<(), DbError> {
        match self {
            Self::Sqlite(conn) => sqlx::raw_sql(sql).execute(&mut **conn).await.map(drop)?,
            Self::Postgres(conn, watch) => watch.over(sqlx::raw_sql(sql).execute(&mut **conn)).await.map(drop)?,
        }
        Ok(())
    }
}

fn sqlite_arguments(binds: &[Bind<'_>]) -> Result<SqliteArguments, DbError> {
    let mut arguments = SqliteArguments::default();
    for bind in binds {
        match bind {
            Bind::Text(text) => arguments.add(text.as_ref().map(|text| text.to_string())),
            Bind::Int(value) => arguments.add(*value),
            Bind::At(at) => arguments.add(at.map(render_at)),
            Bind::Json(text) => arguments.add(text.clone()),
            Bind::Flag(flag) => arguments.add(*flag),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(binds: &[Bind<'_>]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    for bind in binds {
        match bind {
            Bind::Text(text) => arguments.add(text.as_deref()),
            Bind::Int(value) => arguments.add(*value),
            Bind::At(at) => arguments.add(*at),
            Bind::Json(text) => arguments.add(text.as_deref().map(PgJson)),
            Bind::Flag(flag) => arguments.add(*flag),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// `($1, $2), ($3, $4)` for two rows of two columns.
pub(crate) fn placeholders(n_rows: usize, n_columns: usize) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(n_rows * n_columns * 5);
    for row in 0..n_rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..n_columns {
            let separator = if column == 0 { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}${}", row * n_columns + column + 1);
        }
        text.push(')');
    }
    text
}

/// `$3, $4` for two parameters from the third on.
pub(crate) fn numbered(first: usize, count: usize) -> String {
    (first..first + count).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ")
}

/// `'QUEUED', 'RUNNING'`: status words are ours, so they may stand in the text of a statement.
pub(crate) fn quoted_words<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_through() {
        assert_eq!(placeholders(2, 3), "($1, $2, $3), ($4, $5, $6)");
    }

    #[test]
    fn brackets_inside_strings_are_not_depth() {
        assert_eq!(depth(r#"{"a[[[\"{":[1,{"b":"]"}]}"#), 3);
    }

    #[test]
    fn instants_are_written_with_milliseconds_and_stay_sortable() {
        let at = Instant::from_timestamp(1_795_000_000, 123_999_999).unwrap();
        assert_eq!(render_at(storable(at)), "2026-11-18T11:06:40.123Z");
        assert_eq!(render_at(storable(Instant::MAX_UTC)), "9999-12-31T23:59:59.999Z");
        assert_eq!(render_at(storable(Instant::MIN_UTC)), "0000-01-01T00:00:00.000Z");
    }
}
