//! The imports of the draft `nomaflow:step@0.1.0`, each of them the present one under its former name. What differs is a
//! spelling: the draft wrote `cancelled`.

use wasmtime::component::Resource;

use crate::bindings::nomaflow::step as present;
use crate::bindings::nomaflow::step::types::{Column, ColumnBatch, Error, RowBatch, Value};
use crate::bindings::older::exports::nomaflow::step::steps::StepInfo;
use crate::bindings::older::nomaflow::step as older;
use crate::capability::Answer;
use crate::capability::sql::{Connection, Cursor};
use crate::inspect::CallableInfo;
use crate::state::CallState;

type Binds = Vec<(String, Value)>;

/// An answer with the draft's spelling of codes.
fn reworded<T>(answer: Result<T, Error>) -> Result<T, Error> {
    answer.map_err(|error| match error.code.as_str() {
        "canceled" => Error { code: "cancelled".to_owned(), ..error },
        _ => error,
    })
}

impl older::log::Host for CallState {
    async fn write(
        &mut self,
        level: older::log::Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let level = match level {
            older::log::Level::Trace => present::log::Level::Trace,
            older::log::Level::Debug => present::log::Level::Debug,
            older::log::Level::Info => present::log::Level::Info,
            older::log::Level::Warn => present::log::Level::Warn,
            older::log::Level::Error => present::log::Level::Error,
        };
        present::log::Host::write(self, level, message, fields).await
    }
}

impl older::context::Host for CallState {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        present::context::Host::get(self, key)
    }

    fn report(&mut self, done: u64, total: Option<u64>, note: String) -> wasmtime::Result<()> {
        present::context::Host::report(self, done, total, note)
    }

    fn cancelled(&mut self) -> wasmtime::Result<bool> {
        present::context::Host::canceled(self)
    }
}

impl older::sql::Host for CallState {}

impl older::sql::HostConnection for CallState {
    async fn open(&mut self, name: String) -> Answer<Resource<Connection>> {
        present::sql::HostConnection::open(self, name).await.map(reworded)
    }

    async fn execute(&mut self, connection: Resource<Connection>, statement: String, binds: Binds) -> Answer<u64> {
        present::sql::HostConnection::execute(self, connection, statement, binds).await.map(reworded)
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        binds: Binds,
    ) -> Answer<Resource<Cursor>> {
        present::sql::HostConnection::query(self, connection, statement, binds).await.map(reworded)
    }

    async fn insert_rows(
        &mut self,
        connection: Resource<Connection>,
        table: String,
        columns: Vec<String>,
        rows: RowBatch,
    ) -> Answer<u64> {
        present::sql::HostConnection::insert_rows(self, connection, table, columns, rows).await.map(reworded)
    }

    async fn insert_columns(
        &mut self,
        connection: Resource<Connection>,
        table: String,
        columns: Vec<String>,
        batch: ColumnBatch,
    ) -> Answer<u64> {
        present::sql::HostConnection::insert_columns(self, connection, table, columns, batch).await.map(reworded)
    }

    async fn begin(&mut self, connection: Resource<Connection>) -> Answer<()> {
        present::sql::HostConnection::begin(self, connection).await.map(reworded)
    }

    async fn commit(&mut self, connection: Resource<Connection>) -> Answer<()> {
        present::sql::HostConnection::commit(self, connection).await.map(reworded)
    }

    async fn rollback(&mut self, connection: Resource<Connection>) -> Answer<()> {
        present::sql::HostConnection::rollback(self, connection).await.map(reworded)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        present::sql::HostConnection::drop(self, connection).await
    }
}

impl older::sql::HostCursor for CallState {
    async fn columns(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<Vec<Column>> {
        present::sql::HostCursor::columns(self, cursor).await
    }

    async fn fetch(&mut self, cursor: Resource<Cursor>, max: u32) -> Answer<RowBatch> {
        present::sql::HostCursor::fetch(self, cursor, max).await.map(reworded)
    }

    async fn fetch_columns(&mut self, cursor: Resource<Cursor>, max: u32) -> Answer<ColumnBatch> {
        present::sql::HostCursor::fetch_columns(self, cursor, max).await.map(reworded)
    }

    async fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        present::sql::HostCursor::drop(self, cursor).await
    }
}

impl From<StepInfo> for CallableInfo {
    fn from(info: StepInfo) -> Self {
        Self {
            name: info.name,
            title: info.title,
            doc: info.doc,
            params_schema: info.params_schema,
            result_schema: info.output_schema,
            meta: info.meta,
        }
    }
}
