//! The port `Connectors` over plain memory: fixed results, recorded inserts, and the troubles a real database shows
//! only by luck (a statement that hangs, a server that is away, a fetch that breaks). What SQL means is tested with the
//! real connectors elsewhere; here it is what crosses the boundary of the sandbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use host_model::port::{Access, Connectors, SharedPool, SqlCursor, SqlSession};
use host_model::value::{Binds, Column, Row, Value};
use host_model::{CancelToken, StepError, StepErrorKind};

/// Columns, and rows that fit them.
pub(crate) type Table<C> = (Vec<C>, Vec<Row>);

/// One database.
#[derive(Default)]
pub(crate) struct Memory {
    /// Results by the beginning of a statement.
    pub(crate) results: HashMap<String, Table<Column>>,
    /// Committed rows by table, and the columns they were inserted with.
    pub(crate) tables: Mutex<HashMap<String, Table<String>>>,
    /// Binds of the last query.
    pub(crate) binds: Mutex<Binds>,
    /// Sessions opened with which access.
    pub(crate) opened: Mutex<Vec<(String, Access)>>,
    /// Sessions open now.
    pub(crate) n_open: AtomicUsize,
    /// Connections of the pool behind every connector; 0 when nothing is shared.
    pub(crate) pool: u32,
}

/// A column for a result.
pub(crate) fn column(name: &str, kind: &str) -> Column {
    Column { name: name.to_owned(), kind: kind.to_owned(), nullable: true }
}

/// The port in front of it; `away` is a connector whose server is not there.
pub(crate) struct MemoryConnectors(pub(crate) Arc<Memory>);

#[async_trait]
impl Connectors for MemoryConnectors {
    async fn open(&self, name: &str, access: Access, cancel: &CancelToken) -> Result<Box<dyn SqlSession>, StepError> {
        match name {
            "away" => return Err(StepError::remote("connector `away` cannot be reached: connection refused")),
            "unknown" => return Err(StepError::definition("there is no connector `unknown`")),
            _ => {}
        }
        self.0.opened.lock().expect("no panic").push((name.to_owned(), access));
        self.0.n_open.fetch_add(1, Ordering::SeqCst);
        let transaction = Mutex::new(None);
        Ok(Box::new(Session { memory: Arc::clone(&self.0), access, cancel: cancel.clone(), transaction }))
    }

    fn find_pool(&self, _: &str) -> Option<SharedPool> {
        (self.0.pool > 0).then(|| SharedPool { name: "p".to_owned(), connections: self.0.pool })
    }
}

type Inserts = Vec<(String, Vec<String>, Vec<Row>)>;

struct Session {
    memory: Arc<Memory>,
    access: Access,
    cancel: CancelToken,
    /// Inserts of an open transaction.
    transaction: Mutex<Option<Inserts>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.memory.n_open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Session {
    fn store(&self, inserts: Inserts) {
        let mut tables = self.memory.tables.lock().expect("no panic");
        for (table, columns, rows) in inserts {
            let entry = tables.entry(table).or_default();
            entry.0 = columns;
            entry.1.extend(rows);
        }
    }
}

#[async_trait]
impl SqlSession for Session {
    fn dialect(&self) -> &'static str {
        "memory"
    }

    async fn query(&self, statement: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        *self.memory.binds.lock().expect("no panic") = binds;
        if statement == "hang" {
            self.cancel.canceled().await;
            return Err(StepError::new(StepErrorKind::Canceled, "the statement was canceled"));
        }
        if statement.starts_with("delete") && self.access == Access::Read {
            return Err(StepError::new(StepErrorKind::Denied, "the statement writes, the session only reads"));
        }
        match self.memory.results.iter().find(|(known, _)| statement.starts_with(*known)) {
            Some((_, (columns, rows))) => Ok(Box::new(Cursor {
                columns: columns.clone(),
                rows: rows.clone().into(),
                breaks: statement == "break",
            })),
            None => Err(StepError::definition(format!("syntax error near `{statement}`")).with_detail("line 1")),
        }
    }

    async fn execute(&self, statement: &str, _: Binds) -> Result<u64, StepError> {
        Ok(statement.len() as u64)
    }

    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        let count = rows.len() as u64;
        let insert = (table.to_owned(), columns.to_vec(), rows);
        match &mut *self.transaction.lock().expect("no panic") {
            Some(inserts) => inserts.push(insert),
            None => self.store(vec![insert]),
        }
        Ok(count)
    }

    async fn begin(&self) -> Result<(), StepError> {
        *self.transaction.lock().expect("no panic") = Some(Vec::new());
        Ok(())
    }

    async fn commit(&self) -> Result<(), StepError> {
        let inserts = self.transaction.lock().expect("no panic").take();
        self.store(inserts.ok_or_else(|| StepError::definition("no transaction is open"))?);
        Ok(())
    }

    async fn rollback(&self) -> Result<(), StepError> {
        self.transaction.lock().expect("no panic").take();
        Ok(())
    }
}

struct Cursor {
    columns: Vec<Column>,
    rows: std::collections::VecDeque<Row>,
    breaks: bool,
}

#[async_trait]
impl SqlCursor for Cursor {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        if self.breaks && self.rows.len() <= 1 {
            return Err(StepError::remote("the connection was lost"));
        }
        let n = max.min(self.rows.len());
        Ok(self.rows.drain(..n).collect())
    }
}

/// A result with a cell of every kind in each row.
pub(crate) fn every_kind(n: i64) -> Table<Column> {
    let columns =
        ["integer", "bool", "double precision", "numeric(9,2)", "text", "bytea", "date", "timestamptz", "inet"];
    let columns = columns.iter().map(|kind| column(&format!("c_{}", &kind[..3]), kind)).collect();
    let row = |i: i64| {
        let mut row = vec![
            Value::Int(i),
            Value::Bool(i % 2 == 0),
            Value::Float(i as f64 * 0.5),
            Value::Decimal(format!("{i}.25")),
            Value::Text(format!("näme '{i}\"")),
            Value::Bytes(vec![0, 255, (i % 256) as u8]),
            Value::Date("2013-01-31".to_owned()),
            Value::Timestamp("2013-01-31T05:00:00Z".to_owned()),
            Value::Other("inet".to_owned(), format!("10.0.0.{}", i % 256)),
        ];
        // A null walks through the columns.
        let n = row.len();
        row[(i as usize) % n] = Value::Null;
        row
    };
    (columns, (1..=n).map(row).collect())
}

/// The checksum of the guest `rows`, written again: FNV-1a over `kind=text;` of every cell.
pub(crate) fn checksum(rows: &[Row]) -> String {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    for cell in rows.iter().flatten() {
        let (kind, text) = match cell {
            Value::Null => ("null", String::new()),
            Value::Bool(b) => ("boolean", b.to_string()),
            Value::Int(i) => ("integer", i.to_string()),
            Value::Float(f) => ("float", f.to_string()),
            Value::Decimal(t) => ("decimal", t.clone()),
            Value::Text(t) => ("text", t.clone()),
            Value::Bytes(b) => ("bytes", hex::encode(b)),
            Value::Date(t) => ("date", t.clone()),
            Value::Timestamp(t) => ("timestamp", t.clone()),
            Value::Other(kind, t) => (kind.as_str(), t.clone()),
        };
        for byte in format!("{kind}={text};").bytes() {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{sum:016x}")
}
