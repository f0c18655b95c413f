//! A session on a remote server. These servers run one statement at a time on a connection, so a cursor outside a
//! transaction has a connection to itself (the session's own while that is free), and inside one nothing else runs
//! until the cursor is read to its end or dropped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use host_model::port::{Access, SqlCursor, SqlSession};
use host_model::value::{Binds, Column, Row};
use host_model::{CancelToken, StepError, StepErrorKind};

use super::{Control, Insert, Link, Running, Server};
use crate::connector::fault::Place;
use crate::connector::scan::Statement;
use crate::connector::vet;

pub(crate) struct RemoteSession(Arc<Core>);

struct Core {
    server: Arc<dyn Server>,
    place: Place,
    access: Access,
    cancel: CancelToken,
    /// The session's connection, while no cursor has it.
    own: Mutex<Option<Link>>,
    in_transaction: AtomicBool,
    /// A cursor inside the transaction is still open.
    is_reading: Arc<AtomicBool>,
}

/// Opens a session; the connection is made at once, so that an unreachable database shows here.
pub(crate) async fn open(
    server: Arc<dyn Server>,
    place: Place,
    access: Access,
    cancel: &CancelToken,
) -> Result<RemoteSession, StepError> {
    let link = server.link(&place, access, None, cancel).await?;
    Ok(RemoteSession(Arc::new(Core {
        server,
        place,
        access,
        cancel: cancel.clone(),
        own: Mutex::new(Some(link)),
        in_transaction: AtomicBool::new(false),
        is_reading: Arc::default(),
    })))
}

/// Reads `sql` as one statement this access allows.
pub(crate) fn vet_one(sql: &str, server: &dyn Server, access: Access, place: &Place) -> Result<Statement, StepError> {
    let statement = vet::single(sql, server.dialect(), access, place)?;
    allow(&statement, access, place)?;
    Ok(statement)
}

/// Nothing but plain SELECTs where only reading is allowed: these servers have no read-only session to lean on.
pub(crate) fn allow(statement: &Statement, access: Access, place: &Place) -> Result<(), StepError> {
    if access == Access::Read && !statement.is_plain_select() {
        return Err(vet::refused_write(statement.writing_word(), place));
    }
    Ok(())
}

impl Core {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Link>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to work with; the caller puts it back.
    async fn take(&self) -> Result<Link, StepError> {
        let own = self.lock().take();
        match own {
            Some(link) if link.is_alive() => Ok(link),
            _ => self.server.link(&self.place, self.access, None, &self.cancel).await,
        }
    }

    fn put_back(&self, link: Link) {
        self.lock().get_or_insert(link);
    }

    /// The connection of a transaction, which stays where it is.
    fn of_transaction(&self) -> Result<Option<Link>, StepError> {
        if !self.in_transaction.load(Ordering::Acquire) {
            return Ok(None);
        }
        if self.is_reading.load(Ordering::Acquire) {
            return Err(self.place.definition(
                "a query of this transaction is still being read, and the server runs one statement at a time",
            ));
        }
        Ok(self.lock().clone())
    }

    /// Runs `work` on the connection of the transaction, or on one that is free.
    async fn with<T, F>(&self, work: impl FnOnce(Link) -> F) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, StepError>>,
    {
        if let Some(link) = self.of_transaction()? {
            return work(link).await;
        }
        let link = self.take().await?;
        let result = work(link.clone()).await;
        // One that broke is no use to the next call.
        if !matches!(&result, Err(error) if error.kind == StepErrorKind::Canceled) && link.is_alive() {
            self.put_back(link);
        }
        result
    }

    async fn control(&self, control: Control) -> Result<(), StepError> {
        let link = match self.of_transaction()? {
            Some(link) => link,
            None => {
                let link = self.take().await?;
                self.put_back(link.clone());
                link
            }
        };
        link.control(control).await?;
        self.in_transaction.store(control == Control::Begin, Ordering::Release);
        Ok(())
    }
}

#[async_trait]
impl SqlSession for RemoteSession {
    fn dialect(&self) -> &'static str {
        self.0.server.dialect().as_str()
    }

    async fn query(&self, sql: &str, binds: Binds) -> Result<Box<dyn SqlCursor>, StepError> {
        let core = &self.0;
        let statement = vet_one(sql, &*core.server, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let (link, hold) = match core.of_transaction()? {
            Some(link) => {
                core.is_reading.store(true, Ordering::Release);
                (link, Hold::Transaction(Arc::clone(&core.is_reading)))
            }
            None => {
                let link = core.take().await?;
                (link.clone(), Hold::Own(Arc::clone(core), link))
            }
        };
        let running = link.run(&statement, &values).await?;
        let columns = running.columns.clone();
        Ok(Box::new(RemoteCursor { link, columns, running: Some(running), ready: VecDeque::new(), hold: Some(hold) }))
    }

    async fn execute(&self, sql: &str, binds: Binds) -> Result<u64, StepError> {
        let core = &self.0;
        let statement = vet_one(sql, &*core.server, core.access, &core.place)?;
        let values = vet::values(&statement, &binds, &core.place)?;
        let run = |link: Link| async move { link.run(&statement, &values).await?.finish(&link).await };
        Ok(core.with(run).await?.unwrap_or(0))
    }

    async fn insert_rows(&self, table: &str, columns: &[String], rows: Vec<Row>) -> Result<u64, StepError> {
        let core = &self.0;
        if core.access == Access::Read {
            return Err(vet::refused_write("insert", &core.place));
        }
        if let Some(row) = rows.iter().find(|row| row.len() != columns.len()) {
            let text = format!("a row has {} cells for {} columns of `{table}`", row.len(), columns.len());
            return Err(core.place.definition(text));
        }
        let table = vet::quote_path_for(core.server.dialect(), table);
        let insert = Insert { table, columns: columns.to_vec(), rows };
        if core.in_transaction.load(Ordering::Acquire) {
            return core.with(|link| async move { link.insert(insert).await }).await;
        }
        // All of them or none.
        let run = |link: Link| async move {
            link.control(Control::Begin).await?;
            match link.insert(insert).await {
                Ok(count) => link.control(Control::Commit).await.map(|()| count),
                Err(error) => {
                    // The first error is the one that counts; without this, closing the connection rolls back.
                    let _ = link.control(Control::Rollback).await;
                    Err(error)
                }
            }
        };
        core.with(run).await
    }

    async fn begin(&self) -> Result<(), StepError> {
        self.0.control(Control::Begin).await
    }

    async fn commit(&self) -> Result<(), StepError> {
        self.0.control(Control::Commit).await
    }

    async fn rollback(&self) -> Result<(), StepError> {
        self.0.control(Control::Rollback).await
    }
}

/// What a cursor keeps from others until it is done. A connection whose cursor was not read to the end is closed, because
/// not every server is back in step after that; a transaction has no other connection to go on with.
enum Hold {
    Own(Arc<Core>, Link),
    Transaction(Arc<AtomicBool>),
}

impl Hold {
    fn give_back(self) {
        if let Self::Own(core, link) = &self {
            core.put_back(link.clone());
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Self::Transaction(is_reading) = self {
            is_reading.store(false, Ordering::Release);
        }
    }
}

struct RemoteCursor {
    link: Link,
    columns: Vec<Column>,
    running: Option<Running>,
    ready: VecDeque<Row>,
    hold: Option<Hold>,
}

#[async_trait]
impl SqlCursor for RemoteCursor {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    async fn next_batch(&mut self, max: usize) -> Result<Vec<Row>, StepError> {
        while self.ready.len() < max {
            let Some(running) = &mut self.running else { break };
            match running.next(&self.link).await {
                Ok(Ok(rows)) => self.ready.extend(rows),
                Ok(Err(_)) => {
                    self.running = None;
                    if let Some(hold) = self.hold.take() {
                        hold.give_back();
                    }
                }
                Err(error) => {
                    self.running = None;
                    self.hold = None;
                    return Err(error);
                }
            }
        }
        Ok(self.ready.drain(..max.min(self.ready.len())).collect())
    }
}
