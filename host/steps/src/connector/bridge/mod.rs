//! Databases through a driver in a process of its own (`driver = "python"`): the second way to Oracle, by python-oracledb,
//! and one to ODBC, by pyodbc. The process is behind a port (`host_model::driver_port`); here is what makes a connector of
//! it: the address as arguments of the module, and a worker (`worker`) that owns one connection.
//!
//! Cancel and limits of time: the driver is asked to stop its statement; a process that does not within 0.7 s is ended, and
//! the database rolls back when it sees its socket closed. Read-only: nothing but plain SELECTs by our scanner, and in
//! Oracle a read-only transaction.

mod value;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Dialect, Pool, PoolAddress};
use host_model::driver_port::{DriverOrder, Drivers, ParamStyle};
use host_model::port::Access;
use host_model::{CancelToken, JsonMap, StepError};

use super::dial::dial;
use super::fault::Place;
use super::remote::{Link, Marks, Server, oracle};
use super::terms::Terms;
use worker::Worker;

/// One database.
pub(crate) struct BridgeServer {
    drivers: Arc<dyn Drivers>,
    order: DriverOrder,
    dialect: Dialect,
    label: String,
    terms: Terms,
}

impl BridgeServer {
    /// # Errors
    /// `definition` for an address that cannot be used, or one that no module speaks to.
    pub(crate) fn new(pool: &Pool, module: &str, drivers: Arc<dyn Drivers>) -> Result<Self, StepError> {
        let terms = Terms::of(pool);
        let mut arguments = JsonMap::new();
        let mut setup = Vec::new();
        let label = match &pool.address {
            PoolAddress::Oracle { url, password } => {
                let target = oracle::Target::of(url.reveal(), password.as_ref().map(|p| p.reveal()), pool)?;
                arguments.insert("user".into(), target.address.user.as_str().into());
                arguments.insert("password".into(), target.address.password.as_str().into());
                arguments.insert("dsn".into(), target.connect.into());
                arguments.insert("tcp_connect_timeout".into(), terms.wait.as_secs().into());
                if let Some(folder) = target.wallet {
                    arguments.insert("wallet_location".into(), folder.into());
                }
                setup.push(oracle::SPELLING.to_owned());
                target.address.label()
            }
            PoolAddress::Odbc { text, password } => {
                let source = super::remote::odbc::Source::of(text.reveal(), password.as_ref().map(|p| p.reveal()));
                arguments.extend(source.pairs().map(|(key, value)| (key.to_owned(), value.into())));
                source.label()
            }
            other => {
                let kind = other.dialect().as_str();
                let text = format!("pool `{}` has `driver = \"python\"`, which `{kind}` has not", pool.name);
                return Err(StepError::definition(text));
            }
        };
        let order = DriverOrder { module: module.to_owned(), arguments, setup, wait: terms.wait };
        Ok(Self { drivers, order, dialect: pool.address.dialect(), label, terms })
    }
}

#[async_trait]
impl Server for BridgeServer {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn label(&self) -> String {
        self.label.clone()
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
        let permit = self.terms.acquire(place, access, cancel).await?;
        let attempt = || async { self.drivers.connect(&self.order).await.map_err(|e| worker::connecting(place, e)) };
        let connection = dial(self.terms.wait, place, cancel, attempt).await?;
        let marks = match connection.param_style() {
            ParamStyle::Named => Marks::Named,
            ParamStyle::Numeric => Marks::Numeric,
            ParamStyle::Question => Marks::Question,
        };
        let (link, inbox) = Link::new(marks, place, cancel);
        let limit = self.terms.limit(longest);
        let worker = Worker::new(connection, self.dialect, marks, place.clone(), access, limit, cancel.clone());
        // Ends when the last clone of the link is dropped, at the latest.
        tokio::spawn(async move {
            worker.serve(inbox.calls).await;
            drop(permit);
        });
        Ok(link)
    }
}
