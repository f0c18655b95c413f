//! One statement on MySQL: values bound by their own types, rows decoded by the column's. Everything that can be prepared
//! is, because the binary protocol is the exact one (a FLOAT has six digits in the text protocol); the few statements
//! that cannot (error 1295) run as text, without parameters.

use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use host_model::StepError;
use host_model::value::{Column, Row, Value};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::mysql::{
    MySql, MySqlArguments, MySqlColumn, MySqlConnection, MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Connection as _, Decode, Either, Encode, Executor as _, Row as _,
    SqlSafeStr as _, Statement as _, Type,
};

use super::Traits;
use super::kind::{self, Bind, Kind, Wire};
use crate::connector::cell::Cell;
use crate::connector::fault::{Place, Trouble, mysql_number};
use crate::connector::scan;

/// A statement ready to run.
pub(crate) struct Ready {
    /// With `?` where parameters are.
    sql: String,
    /// The bound values; `None` for a statement that cannot be prepared.
    args: Option<MySqlArguments>,
    /// What the server promises to return, empty when nothing. A procedure tells only while it runs.
    pub(crate) decoder: Decoder,
}

/// Columns of a result and how to read them.
#[derive(Clone)]
pub(crate) struct Decoder {
    /// As they are shown.
    pub(crate) columns: Vec<Column>,
    /// One for each column.
    pub(crate) kinds: Vec<Kind>,
    wire: Wire,
    is_utc: bool,
}

/// A value with the type it is bound as.
pub(crate) struct Typed<'a> {
    pub(crate) bind: Bind<'a>,
    pub(crate) decimal: &'a MySqlTypeInfo,
}

impl Type<MySql> for Typed<'_> {
    fn type_info() -> MySqlTypeInfo {
        <str as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Typed<'_> {
    fn encode_by_ref(&self, out: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        match &self.bind {
            Bind::Null => return Ok(IsNull::Yes),
            Bind::Int(n) => out.extend(n.to_le_bytes()),
            Bind::Unsigned(n) => out.extend(n.to_le_bytes()),
            Bind::Float(f) => out.extend(f.to_le_bytes()),
            Bind::Text(text) => return <&str as Encode<'_, MySql>>::encode_by_ref(&text.as_ref(), out),
            Bind::Decimal(text) => return <&str as Encode<'_, MySql>>::encode_by_ref(text, out),
            Bind::Bytes(bytes) => return <&[u8] as Encode<'_, MySql>>::encode_by_ref(bytes, out),
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        Some(match &self.bind {
            Bind::Null | Bind::Text(_) => <str as Type<MySql>>::type_info(),
            Bind::Int(_) => <i64 as Type<MySql>>::type_info(),
            Bind::Unsigned(_) => <u64 as Type<MySql>>::type_info(),
            Bind::Float(_) => <f64 as Type<MySql>>::type_info(),
            Bind::Bytes(_) => <[u8] as Type<MySql>>::type_info(),
            Bind::Decimal(_) => self.decimal.clone(),
        })
    }
}

/// What is bound for a parameter, whose type the server takes from the value.
fn parameter(value: &Value) -> Option<Bind<'_>> {
    Some(match value {
        // Compared as text it would be compared as a float.
        Value::Decimal(text) if kind::is_storable(text) && !text.contains(['e', 'E']) => Bind::Decimal(text),
        Value::Timestamp(_) => kind::fit(Kind::Datetime, Cell::from(value))?,
        Value::Float(f) if !f.is_finite() => return None,
        _ => match Cell::from(value) {
            Cell::Null => Bind::Null,
            Cell::Bool(b) => Bind::Int(b.into()),
            Cell::Int(n) => Bind::Int(n),
            Cell::Float(f) => Bind::Float(f),
            Cell::Text(text) => Bind::Text(text.into()),
            Cell::Bytes(bytes) => Bind::Bytes(bytes),
        },
    })
}

fn arguments<'a>(
    values: impl IntoIterator<Item = &'a Value>,
    traits: &Traits,
    place: &Place,
) -> Result<MySqlArguments, Trouble> {
    let mut args = MySqlArguments::default();
    for value in values {
        let bind = parameter(value).ok_or_else(|| {
            place.definition(format!("MySQL has no `{}` to bind as a parameter", Cell::from(value).show()))
        })?;
        args.add(Typed { bind, decimal: &traits.decimal }).map_err(sqlx::Error::Encode)?;
    }
    Ok(args)
}

/// After `statement`: what the driver remembers of others may be of another shape of the same table.
pub(crate) async fn forget(conn: &mut MySqlConnection, statement: &scan::Statement) -> Result<(), sqlx::Error> {
    match statement.keyword() {
        "create" | "alter" | "drop" | "rename" => conn.clear_cached_statements().await,
        _ => Ok(()),
    }
}

/// Asks the server about `statement` and encodes `values` for it.
pub(crate) async fn prepare(
    conn: &mut MySqlConnection,
    traits: &Traits,
    place: &Place,
    statement: &scan::Statement,
    values: &[Value],
) -> Result<Ready, Trouble> {
    // A name that appears twice is bound twice: placeholders have no numbers.
    let mut order = Vec::new();
    let sql = statement.render(|n| {
        order.push(n);
        "?".to_owned()
    });
    let described = match conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await {
        Ok(described) => described,
        // "This command is not supported in the prepared statement protocol yet"
        Err(error) if mysql_number(&error) == Some(1295) && order.is_empty() => {
            let decoder = Decoder::of(&[], Wire::Text, traits);
            return Ok(Ready { sql, args: None, decoder });
        }
        Err(error) => return Err(error.into()),
    };
    if parameters(&described) != order.len() {
        return Err(place.definition("parameters are written `:name`; `?` has no value here").into());
    }
    let args = arguments(order.iter().map(|n| &values[*n]), traits, place)?;
    let decoder = Decoder::of(described.columns(), Wire::Binary, traits);
    Ok(Ready { sql, args: Some(args), decoder })
}

/// How many parameters the server found in a statement.
pub(crate) fn parameters(described: &MySqlStatement) -> usize {
    match described.parameters() {
        Some(Either::Right(count)) => count,
        Some(Either::Left(types)) => types.len(),
        None => 0,
    }
}

impl Ready {
    /// Runs it: rows, and after the rows of each result the count.
    pub(crate) fn run<'c>(
        self,
        conn: &'c mut MySqlConnection,
    ) -> BoxStream<'c, Result<Either<MySqlQueryResult, MySqlRow>, sqlx::Error>> {
        match self.args {
            Some(args) => conn.fetch_many(sqlx::query_with(AssertSqlSafe(self.sql), args)),
            None => conn.fetch_many(sqlx::raw_sql(AssertSqlSafe(self.sql))),
        }
    }
}

/// All rows of a short SELECT of ours; values go where its `?` are.
pub(crate) async fn select(
    conn: &mut MySqlConnection,
    traits: &Traits,
    place: &Place,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, Trouble> {
    let args = arguments(values, traits, place)?;
    let mut found = Vec::new();
    let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        found.push(Decoder::of(row.columns(), Wire::Binary, traits).row(&row, place)?);
    }
    Ok(found)
}

/// The bytes of a cell as the server sent them. The driver itself would take a zero date for NULL.
pub(crate) fn bytes(row: &MySqlRow, n: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    // Fails for NULL and for nothing else.
    Ok(<&[u8] as Decode<'_, MySql>>::decode(row.try_get_raw(n)?).ok())
}

impl Decoder {
    pub(crate) fn of(columns: &[MySqlColumn], wire: Wire, traits: &Traits) -> Self {
        let described =
            |c: &MySqlColumn| Column { name: c.name().to_owned(), kind: kind::name(c.type_info()), nullable: true };
        Self {
            columns: columns.iter().map(described).collect(),
            kinds: columns.iter().map(|c| Kind::of(c.type_info())).collect(),
            wire,
            is_utc: traits.is_utc,
        }
    }

    /// The same for the columns that a row has, which for a procedure are not the promised ones.
    pub(crate) fn renewed(&self, columns: &[MySqlColumn], traits: &Traits) -> Self {
        Self::of(columns, self.wire, traits)
    }

    /// Reads a row.
    pub(crate) fn row(&self, row: &MySqlRow, place: &Place) -> Result<Row, Trouble> {
        (0..self.kinds.len()).map(|n| self.value(row, n, place)).collect()
    }

    /// Reads one cell.
    pub(crate) fn value(&self, row: &MySqlRow, n: usize, place: &Place) -> Result<Value, Trouble> {
        let Some(bytes) = bytes(row, n)? else { return Ok(Value::Null) };
        kind::value(self.kinds[n], &self.columns[n].kind, self.wire, bytes, self.is_utc)
            .ok_or_else(|| self.unreadable(n, place).into())
    }

    /// Reads one cell without copying what need not be.
    pub(crate) fn cell<'a>(
        &self,
        row: &'a MySqlRow,
        n: usize,
        place: &Place,
        scratch: &'a mut String,
    ) -> Result<Cell<'a>, Trouble> {
        let Some(bytes) = bytes(row, n)? else { return Ok(Cell::Null) };
        kind::read(self.kinds[n], self.wire, bytes, self.is_utc, scratch)
            .ok_or_else(|| self.unreadable(n, place).into())
    }

    fn unreadable(&self, n: usize, place: &Place) -> StepError {
        let column = &self.columns[n];
        place.definition(format!(
            "the column `{}` of type `{}` holds bytes that cannot be read",
            column.name, column.kind
        ))
    }
}
