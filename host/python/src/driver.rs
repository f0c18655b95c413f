//! Databases through modules of Python's DB-API, for connectors: each connection is a worker process of its own, which
//! becomes that connection with its first message (`rt/database.py`).
//!
//! Not here: which statements are allowed, limits of time, transactions (the connector in `steps`). Invariant: dropping a
//! connection ends its process, and with it the socket to the database, which then rolls back.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use host_model::driver_port::{
    DriverAnswer, DriverConnection, DriverError, DriverOrder, DriverStop, Drivers, ParamStyle,
};
use host_model::value::{CellRef, Column, Row, Value};
use host_model::{Json, JsonMap};
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::cell;
use crate::frame;
use crate::interpreter::Interpreters;
use crate::process::{self, Environment, StartError, Worker};

/// What one message of rows holds, in bytes; far below what may cross.
const MOST_SENT: usize = 8 * 1024 * 1024;

/// Makes connections with the modules of one interpreter.
pub struct PythonDrivers {
    program: PathBuf,
    interpreter: PathBuf,
    interpreters: Interpreters,
}

impl PythonDrivers {
    /// `program` becomes a worker when its first argument is [`crate::worker::COMMAND`]; `interpreter` is a path or a
    /// name on PATH. Starts nothing.
    pub fn new(program: PathBuf, interpreter: PathBuf) -> Self {
        Self { program, interpreter, interpreters: Interpreters::default() }
    }
}

#[async_trait]
impl Drivers for PythonDrivers {
    async fn connect(&self, order: &DriverOrder) -> Result<Box<dyn DriverConnection>, DriverError> {
        let found = self.interpreters.find(&self.interpreter).await;
        let interpreter = found.map_err(|error| DriverError::Absent {
            message: format!("the driver `{}` needs Python: {error}", order.module),
            hint: error.hint(),
        })?;
        let executable = interpreter.executable.display().to_string();
        let environment =
            Environment { interpreter, roots: Vec::new(), settings: JsonMap::new(), packages_changed_at: None };
        let started = Worker::start(&self.program, Arc::new(environment)).await;
        let worker = started.map_err(|error: StartError| DriverError::Gone(error.to_string()))?;
        let mut connection = Connection { worker, style: ParamStyle::Named };
        let asked = json!({"module": order.module, "arguments": order.arguments, "setup": order.setup});
        let answer = match tokio::time::timeout(order.wait, connection.ask("connect", asked)).await {
            Ok(answer) => answer,
            Err(_) => return Err(DriverError::Gone(format!("no answer within {} s", order.wait.as_secs()))),
        };
        let style = answer.map_err(|error| match error {
            DriverError::Absent { message, .. } => DriverError::Absent {
                message,
                hint: format!(
                    "install it where the interpreter finds it: `{executable} -m pip install {}`",
                    order.module
                ),
            },
            other => other,
        })?;
        connection.style = match style["style"].as_str() {
            Some("named") => ParamStyle::Named,
            Some("numeric") => ParamStyle::Numeric,
            Some("qmark") => ParamStyle::Question,
            _ => return Err(not_understood()),
        };
        Ok(Box::new(connection))
    }
}

struct Connection {
    worker: Worker,
    style: ParamStyle,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Answer(Json),
    Absent(String),
    Refused(Refusal),
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    origin: String,
    may_retry: bool,
    is_broken: bool,
}

fn not_understood() -> DriverError {
    DriverError::Gone("the Python process gives an answer that nobody understands".to_owned())
}

impl Connection {
    /// Asks and waits; `with` is an object.
    async fn ask(&mut self, what: &str, with: Json) -> Result<Json, DriverError> {
        self.ask_text(what, &with.to_string()).await
    }

    async fn ask_text(&mut self, what: &str, with: &str) -> Result<Json, DriverError> {
        let message = format!(r#"{{"do":"{what}","with":{with}}}"#);
        if message.len() > frame::LARGEST {
            let mebibytes = message.len() >> 20;
            return Err(DriverError::Refused {
                message: format!("{mebibytes} MiB at once are too much for a driver in Python"),
                origin: String::new(),
                may_retry: false,
                is_broken: false,
            });
        }
        let mut outgoing = BytesMut::new();
        frame::append(&mut outgoing, 0, message.as_bytes());
        if self.worker.writer.write_all(&outgoing).await.is_err() {
            return Err(self.ended().await);
        }
        let body = match self.worker.reader.next().await {
            Ok(Some((_, body))) => body,
            Ok(None) | Err(_) => return Err(self.ended().await),
        };
        // What a module prints is nobody's; unread, it would stop the process when the pipe is full.
        drop((self.worker.stdout.drain(), self.worker.stderr.drain()));
        match serde_json::from_slice(&body) {
            Ok(Said::Answer(answer)) => Ok(answer),
            Ok(Said::Absent(message)) => Err(DriverError::Absent { message, hint: String::new() }),
            Ok(Said::Refused(Refusal { message, origin, may_retry, is_broken })) => {
                Err(DriverError::Refused { message, origin, may_retry, is_broken })
            }
            Err(_) => Err(not_understood()),
        }
    }

    async fn ended(&mut self) -> DriverError {
        let status = tokio::time::timeout(Duration::from_secs(1), self.worker.end()).await.ok().flatten();
        self.worker.stderr.drain();
        let words = self.worker.stderr.tail();
        let last = words.lines().rfind(|line| !line.trim().is_empty()).map(|l| format!(": {l}")).unwrap_or_default();
        DriverError::Gone(format!("the Python process of the driver ended: {}{last}", process::describe(status)))
    }
}

#[async_trait]
impl DriverConnection for Connection {
    fn param_style(&self) -> ParamStyle {
        self.style
    }

    fn stop(&self) -> DriverStop {
        let handle = self.worker.handle();
        Arc::new(move || handle.interrupt())
    }

    async fn run(&mut self, sql: &str, values: &[Value]) -> Result<DriverAnswer, DriverError> {
        let mut with = format!(r#"{{"sql":{},"values":"#, Json::from(sql)).into_bytes();
        write_row(values, &mut with);
        with.push(b'}');
        let answer = self.ask_text("run", &String::from_utf8_lossy(&with)).await?;
        let Some(columns) = answer["columns"].as_array() else {
            return Ok(DriverAnswer::Count(answer["count"].as_u64()));
        };
        let read = |column: &Json| {
            let (name, kind) = (column[0].as_str()?.to_owned(), column[1].as_str()?.to_owned());
            Some(Column { name, kind, nullable: column[2].as_bool()? })
        };
        let columns: Option<Vec<Column>> = columns.iter().map(read).collect();
        columns.map(DriverAnswer::Columns).ok_or_else(not_understood)
    }

    async fn fetch(&mut self, most: usize) -> Result<Vec<Row>, DriverError> {
        let answer = self.ask("fetch", json!({"most": most})).await?;
        let rows = answer["rows"].as_array().ok_or_else(not_understood)?;
        let read = |row: &Json| -> Option<Row> { row.as_array()?.iter().map(|c| cell::read(c).ok()).collect() };
        rows.iter().map(|row| read(row).ok_or_else(not_understood)).collect()
    }

    async fn run_many(&mut self, sql: &str, rows: &[Row]) -> Result<u64, DriverError> {
        let sql = Json::from(sql);
        let (mut count, mut rows) = (0, rows.iter().peekable());
        while rows.peek().is_some() {
            let mut with = format!(r#"{{"sql":{sql},"rows":["#).into_bytes();
            let mut is_first = true;
            while let Some(row) = rows.next_if(|_| is_first || with.len() < MOST_SENT) {
                if !std::mem::replace(&mut is_first, false) {
                    with.push(b',');
                }
                write_row(row, &mut with);
            }
            with.extend_from_slice(b"]}");
            let answer = self.ask_text("run_many", &String::from_utf8_lossy(&with)).await?;
            count += answer["count"].as_u64().ok_or_else(not_understood)?;
        }
        Ok(count)
    }

    async fn commit(&mut self) -> Result<(), DriverError> {
        self.ask("commit", json!({})).await.map(drop)
    }

    async fn rollback(&mut self) -> Result<(), DriverError> {
        self.ask("rollback", json!({})).await.map(drop)
    }
}

fn write_row(values: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        cell::write(CellRef::from(value), out);
    }
    out.push(b']');
}
