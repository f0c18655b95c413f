//! Oracle through `oracledb`, Oracle's own driver in Rust; no Oracle client is needed. The driver blocks, so a connection
//! lives on a thread of its own (`worker`): not one of the runtime's, because a server that never answers would keep the
//! runtime from ending.
//!
//! Cancel: the driver cannot interrupt a call from outside. A second connection asks the server to cancel the statement
//! (`ALTER SYSTEM CANCEL SQL`, 18c and later, with the privilege for it); the step does not wait for that. Where it is
//! refused, the call ends with the time limit of the statement, when the driver itself breaks it off on the server. The
//! same where the step lets go of the connection while a statement runs.
//! Read-only: a read-only transaction of the server, and nothing but plain SELECTs by our scanner.

mod fault;
mod value;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Dialect, Pool};
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use oracledb::Config;

use super::fault::Place;
use super::remote::address::Address;
use super::remote::oracle::Target;
use super::remote::thread::{Brake, Opening, open};
use super::remote::{Link, Marks, Server};
use super::terms::Terms;
use worker::{Job, Session};

/// One service of a server.
pub(crate) struct OracleServer {
    address: Address,
    config: Config,
    terms: Terms,
}

impl OracleServer {
    /// # Errors
    /// `definition` for a URL or a `ca_file` that cannot be used.
    pub(crate) fn new(url: &str, password: Option<&str>, pool: &Pool) -> Result<Self, StepError> {
        let Target { address, connect, wallet } = Target::of(url, password, pool)?;
        let refuse = |why: &str| StepError::definition(format!("pool `{}` {why}", pool.name));
        let terms = Terms::of(pool);
        let mut config = Config::default()
            .set_credentials(&address.user, &address.password)
            .set_transport_connect_timeout(Some(terms.wait))
            .set_connect_string(&connect)
            .map_err(|_| refuse("has a `url` whose host or service Oracle does not take"))?
            .set_program("nomaflow")
            .map_err(|_| refuse("cannot be named to the server"))?;
        if let Some(folder) = wallet {
            config = config.set_wallet_location(folder);
        }
        Ok(Self { address, config, terms })
    }
}

#[async_trait]
impl Server for OracleServer {
    fn dialect(&self) -> Dialect {
        Dialect::Oracle
    }

    fn label(&self) -> String {
        self.address.label()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    async fn link(
        &self,
        place: &Place,
        access: Access,
        longest: Option<Duration>,
        cancel: &CancelToken,
    ) -> Result<Link, StepError> {
        // Which provider the driver takes; it fails only where one was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let job = Job {
            config: self.config.clone(),
            place: place.clone(),
            access,
            limit: self.terms.limit(longest),
            cancel: cancel.clone(),
        };
        let opening = Opening { name: "oracle", marks: Marks::Named, place, access, cancel };
        open(&self.terms, opening, move |inbox, ready| worker::serve(job.clone(), inbox, ready)).await
    }
}

/// What a statement is stopped by.
pub(super) struct OracleBrake {
    config: Config,
    session: Session,
    /// Whether a call is with the server.
    is_busy: Arc<AtomicBool>,
}

impl Brake for OracleBrake {
    fn pull(&self) -> bool {
        if !self.is_busy.load(Ordering::Acquire) {
            return true;
        }
        let asked = oracledb::connect(self.config.clone())
            .and_then(|conn| conn.execute(&self.session.cancel_statement(), &[]).map(drop));
        if let Err(error) = &asked {
            tracing::warn!(error = %fault::text(error), "a statement could not be canceled on the server");
        }
        asked.is_ok()
    }
}

/// Set while a call is on its way to the server.
pub(super) struct Busy<'a>(&'a AtomicBool);

impl<'a> Busy<'a> {
    pub(super) fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Release);
        Self(flag)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
