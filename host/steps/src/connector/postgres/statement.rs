//! One statement on PostgreSQL: parameters bound as the types the server inferred, rows decoded by type.
//!
//! A parameter whose type has no encoder here (or whose value is not of that form) is bound as text inside
//! `(($1::text)::type)`; a result column without a decoder is read as `column::text` around the whole SELECT. So the
//! server converts what we do not, and nothing passes through a lossy type of the driver.

use host_model::StepError;
use host_model::batch::Batch;
use host_model::value::{CellRef, Column, Row, Value};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnection, PgRow, PgTypeInfo, Postgres};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Either, Executor as _, Row as _, SqlSafeStr as _, Statement as _,
    ValueRef as _,
};

use super::kind::{self, Kind};
use super::{Stop, Trouble};
use crate::connector::cell::Cell;
use crate::connector::scan;

/// A statement ready to run.
pub(crate) struct Ready {
    /// With `$n` where parameters are.
    pub(crate) sql: String,
    /// The bound values.
    pub(crate) args: PgArguments,
    /// The result, empty when the statement returns none.
    pub(crate) decoder: Decoder,
}

/// Columns of a result and how to read them.
#[derive(Clone, Default)]
pub(crate) struct Decoder {
    /// As they are shown.
    pub(crate) columns: Vec<Column>,
    /// One for each column.
    pub(crate) kinds: Vec<Kind>,
}

/// A value in wire form.
struct Wire {
    info: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

impl sqlx::Type<Postgres> for Wire {
    fn type_info() -> PgTypeInfo {
        <String as sqlx::Type<Postgres>>::type_info()
    }
}

impl sqlx::Encode<'_, Postgres> for Wire {
    fn encode_by_ref(&self, out: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.info.clone())
    }
}

/// Asks the server about `statement` and encodes `values` for it.
pub(crate) async fn prepare(
    conn: &mut PgConnection,
    stop: &Stop,
    statement: &scan::Statement,
    values: &[Value],
) -> Result<Ready, Trouble> {
    let mut sql = statement.render(|n| format!("${}", n + 1));
    let mut described = conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await?;
    let inferred: Vec<PgTypeInfo> = match described.parameters() {
        Some(Either::Left(types)) => types.to_vec(),
        _ => Vec::new(),
    };
    if inferred.len() != values.len() {
        return Err(stop.place.definition("parameters are written `:name`; `$1` has no value here").into());
    }
    let mut wires: Vec<Option<Wire>> = inferred.iter().zip(values).map(|(info, value)| encode(info, value)).collect();
    if wires.iter().any(Option::is_none) {
        let names = type_names(conn, &inferred).await?;
        sql = statement.render(|n| match wires[n] {
            Some(_) => format!("${}", n + 1),
            None => format!("((${}::text)::{})", n + 1, names[n]),
        });
        for (wire, value) in wires.iter_mut().zip(values) {
            if wire.is_none() {
                *wire = Some(Wire { info: Wire::text(), bytes: Some(as_text(value)) });
            }
        }
        described = conn.prepare(AssertSqlSafe(sql.clone()).into_sql_str()).await?;
    }
    let mut args = PgArguments::default();
    for wire in wires.into_iter().flatten() {
        args.add(wire).map_err(sqlx::Error::Encode)?;
    }
    let decoder = Decoder::of(described.columns());
    let sql = decoder.readable(sql, statement, stop)?;
    Ok(Ready { sql, args, decoder })
}

impl Wire {
    fn text() -> PgTypeInfo {
        <String as sqlx::Type<Postgres>>::type_info()
    }
}

fn encode(info: &PgTypeInfo, value: &Value) -> Option<Wire> {
    let bytes = match Cell::from(value) {
        Cell::Null => None,
        cell => {
            let mut bytes = Vec::new();
            if !kind::write(Kind::of(info), cell, &mut bytes) {
                return None;
            }
            Some(bytes)
        }
    };
    Some(Wire { info: info.clone(), bytes })
}

fn as_text(value: &Value) -> Vec<u8> {
    match Cell::from(value) {
        Cell::Null => Vec::new(),
        Cell::Bool(b) => b.to_string().into_bytes(),
        Cell::Int(n) => n.to_string().into_bytes(),
        Cell::Float(f) => f.to_string().into_bytes(),
        Cell::Text(text) => text.as_bytes().to_vec(),
        Cell::Bytes(bytes) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            format!("\\x{hex}").into_bytes()
        }
    }
}

/// The SQL names of types, quoted and with their schema where needed.
async fn type_names(conn: &mut PgConnection, infos: &[PgTypeInfo]) -> Result<Vec<String>, Trouble> {
    let mut names = Vec::with_capacity(infos.len());
    for info in infos {
        let oid = info.oid().map_or(0, |oid| i64::from(oid.0));
        let name: String =
            sqlx::query_scalar("select format_type($1::oid, -1)").bind(oid).fetch_one(&mut *conn).await?;
        names.push(name);
    }
    Ok(names)
}

impl Decoder {
    pub(crate) fn of(columns: &[sqlx::postgres::PgColumn]) -> Self {
        let described = |c: &sqlx::postgres::PgColumn| Column {
            name: c.name().to_owned(),
            kind: kind::name(c.type_info()),
            nullable: true,
        };
        Self {
            columns: columns.iter().map(described).collect(),
            kinds: columns.iter().map(|c| Kind::of(c.type_info())).collect(),
        }
    }

    /// The statement with `::text` around the columns we have no decoder for.
    fn readable(&self, sql: String, statement: &scan::Statement, stop: &Stop) -> Result<String, StepError> {
        let Some(odd) = self.kinds.iter().position(|k| *k == Kind::Other) else { return Ok(sql) };
        if !matches!(statement.keyword(), "select" | "with" | "values" | "table" | "") {
            let column = &self.columns[odd];
            return Err(stop.place.definition(format!(
                "the column `{}` of type `{}` cannot be read from `{}`; return `{}::text`",
                column.name,
                column.kind,
                statement.keyword(),
                column.name
            )));
        }
        // By position, because names may repeat.
        let list = |cast: bool| {
            let item = |(n, k): (usize, &Kind)| {
                if cast && *k == Kind::Other { format!("c{n}::text") } else { format!("c{n}") }
            };
            self.kinds.iter().enumerate().map(item).collect::<Vec<_>>().join(", ")
        };
        // The line break ends a comment that the statement may end with.
        Ok(format!("select {} from ({sql}\n) as readable({})", list(true), list(false)))
    }

    /// Reads a row.
    pub(crate) fn row(&self, row: &PgRow, stop: &Stop) -> Result<Row, Trouble> {
        (0..self.kinds.len()).map(|n| self.cell(row, n, stop)).collect()
    }

    /// Adds a row to `batch`; `scratch` is for cells that have to be written first.
    pub(crate) fn push(
        &self,
        row: &PgRow,
        batch: &mut Batch,
        scratch: &mut String,
        stop: &Stop,
    ) -> Result<(), Trouble> {
        for n in 0..self.kinds.len() {
            batch.push(self.cell_ref(row, n, scratch, stop)?);
        }
        Ok(())
    }

    /// Reads one cell.
    pub(crate) fn cell(&self, row: &PgRow, n: usize, stop: &Stop) -> Result<Value, Trouble> {
        self.cell_ref(row, n, &mut String::new(), stop).map(CellRef::to_value)
    }

    fn cell_ref<'a>(
        &'a self,
        row: &'a PgRow,
        n: usize,
        scratch: &'a mut String,
        stop: &Stop,
    ) -> Result<CellRef<'a>, Trouble> {
        let raw = row.try_get_raw(n)?;
        if raw.is_null() {
            return Ok(CellRef::Null);
        }
        let bytes = raw.as_bytes().map_err(sqlx::Error::Decode)?;
        let column = &self.columns[n];
        kind::read_cell(self.kinds[n], &column.kind, bytes, scratch).ok_or_else(|| {
            let text =
                format!("the column `{}` of type `{}` holds bytes that cannot be read", column.name, column.kind);
            stop.place.definition(text).into()
        })
    }
}
