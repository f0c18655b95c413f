//! `INSERT … VALUES` of many rows at once, prepared: some five hundred rows a statement measured best. `LOAD DATA LOCAL`
//! would be a quarter faster, but it makes warnings of errors (a text that is cut, a second row with one key), so nothing
//! would tell that rows arrived changed.

use std::borrow::Cow;

use sqlx::mysql::{MySqlArguments, MySqlConnection};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Connection as _, Executor as _, SqlSafeStr as _, Statement as _,
};

use super::Traits;
use super::kind::{self, Bind, Kind};
use super::statement::Typed;
use crate::connector::vet::mysql_quote;

const ROWS_PER_STATEMENT: usize = 500;
/// The protocol counts parameters in two bytes.
const MOST_PARAMETERS: usize = 65_535;

/// The columns of a table that receive rows.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) names: Vec<String>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) type_names: Vec<String>,
}

/// The text of the statement for any number of rows.
pub(crate) struct Insert {
    head: String,
    tuple: String,
    rows: usize,
    /// For a full group, which nearly all are.
    full: String,
}

impl Columns {
    /// Asks the server for the types of `names` in `path` (quoted).
    pub(crate) async fn describe(
        conn: &mut MySqlConnection,
        path: &str,
        names: &[String],
    ) -> Result<Self, sqlx::Error> {
        // What the driver remembers may be another table of the same name.
        conn.clear_cached_statements().await?;
        let list = names.iter().map(|n| mysql_quote(n)).collect::<Vec<_>>().join(", ");
        let described =
            conn.prepare(AssertSqlSafe(format!("select {list} from {path} limit 0")).into_sql_str()).await?;
        Ok(Self {
            names: names.to_vec(),
            kinds: described.columns().iter().map(|c| Kind::of(c.type_info())).collect(),
            type_names: described.columns().iter().map(|c| kind::name(c.type_info())).collect(),
        })
    }
}

impl Insert {
    pub(crate) fn new(path: &str, names: &[String]) -> Self {
        let width = names.len().max(1);
        let list = names.iter().map(|n| mysql_quote(n)).collect::<Vec<_>>().join(", ");
        let rows = (MOST_PARAMETERS / width).clamp(1, ROWS_PER_STATEMENT);
        let head = format!("insert into {path} ({list}) values ");
        let tuple = format!("({})", vec!["?"; width].join(","));
        let full = format!("{head}{}", vec![tuple.as_str(); rows].join(","));
        Self { head, tuple, rows, full }
    }

    /// Rows of a full statement.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// How the statement begins, for messages.
    pub(crate) fn head(&self) -> &str {
        &self.head
    }

    /// Inserts `rows` rows, whose values are all in `args`.
    pub(crate) async fn run(
        &self,
        conn: &mut MySqlConnection,
        rows: usize,
        args: MySqlArguments,
    ) -> Result<u64, sqlx::Error> {
        let is_full = rows == self.rows;
        let sql: Cow<'_, str> = match is_full {
            true => Cow::Borrowed(&self.full),
            false => Cow::Owned(format!("{}{}", self.head, vec![self.tuple.as_str(); rows].join(","))),
        };
        // Only the full statement is kept: the others are as many as there are numbers.
        let query = sqlx::query_with(AssertSqlSafe(sql.as_ref()), args).persistent(is_full);
        Ok(conn.execute(query).await?.rows_affected())
    }
}

/// Adds a value to those of a statement.
pub(crate) fn add(args: &mut MySqlArguments, bind: Bind<'_>, traits: &Traits) -> Result<(), sqlx::Error> {
    args.add(Typed { bind, decimal: &traits.decimal }).map_err(sqlx::Error::Encode)
}
