//! SQL Server through tiberius: TDS in Rust, asynchronous. The worker (`worker`) is a task that owns one connection;
//! cells are decoded in `value`.
//!
//! Cancel: the worker sends the protocol's own attention signal, waits briefly for the server to acknowledge it, and the
//! connection is closed either way. Read-only: `ApplicationIntent=ReadOnly` for the listener of an availability group,
//! nothing but plain SELECTs by our scanner, and a transaction that is only ever rolled back.

mod fault;
mod stop;
mod value;
mod worker;

use std::time::Duration;

use async_trait::async_trait;
use host_model::connector::{Dialect, Pool, PoolTls, TlsMode};
use host_model::port::Access;
use host_model::{CancelToken, StepError};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

use super::dial::dial;
use super::fault::Place;
use super::remote::address::Address;
use super::remote::{Link, Marks, Server};
use super::terms::Terms;
use worker::{Connection, Worker};

/// One database of a server.
pub(crate) struct SqlServer {
    address: Address,
    tls: PoolTls,
    terms: Terms,
}

impl SqlServer {
    /// # Errors
    /// `definition` for a URL that cannot be read.
    pub(crate) fn new(url: &str, password: Option<&str>, pool: &Pool) -> Result<Self, StepError> {
        let address = Address::parse(url, password, "sqlserver", 1433, &pool.name)?;
        Ok(Self { address, tls: pool.tls.clone(), terms: Terms::of(pool) })
    }

    fn config(&self, access: Access) -> Config {
        let mut config = Config::new();
        config.host(&self.address.host);
        config.port(self.address.port);
        if !self.address.database.is_empty() {
            config.database(&self.address.database);
        }
        config.application_name("nomaflow");
        config.authentication(AuthMethod::sql_server(&self.address.user, &self.address.password));
        config.readonly(access == Access::Read);
        // Our own limits: one for making the connection, one for each statement.
        config.handshake_timeout(None);
        config.command_timeout(None);
        let (encryption, verifies) = match self.tls.mode {
            Some(TlsMode::Disable) => (EncryptionLevel::NotSupported, false),
            Some(TlsMode::Prefer) => (EncryptionLevel::On, false),
            Some(TlsMode::Require) => (EncryptionLevel::Required, false),
            // The driver always compares the name, so `verify-ca` is as strict as `verify-full`.
            Some(TlsMode::VerifyCa | TlsMode::VerifyFull) | None => (EncryptionLevel::Required, true),
        };
        config.encryption(encryption);
        match &self.tls.ca_file {
            _ if !verifies => config.trust_cert(),
            Some(file) => config.trust_cert_ca(file.display()),
            None => {}
        }
        config
    }

    async fn connect(&self, access: Access) -> Result<Connection, tiberius::error::Error> {
        // Which provider the driver takes; it fails only where one was chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tcp = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        tcp.set_nodelay(true)?;
        let client = match Client::connect(self.config(access), tcp.compat_write()).await {
            // A gateway says where the database is.
            Err(tiberius::error::Error::Routing { host, port }) => {
                let mut config = self.config(access);
                config.host(&host);
                config.port(port);
                let tcp = TcpStream::connect((host.as_str(), port)).await?;
                tcp.set_nodelay(true)?;
                Client::connect(config, tcp.compat_write()).await?
            }
            other => other?,
        };
        Ok(client)
    }
}

#[async_trait]
impl Server for SqlServer {
    fn dialect(&self) -> Dialect {
        Dialect::SqlServer
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
        let permit = self.terms.acquire(place, access, cancel).await?;
        let attempt = || async { self.connect(access).await.map_err(|e| fault::connecting(place, &e)) };
        let client = dial(self.terms.wait, place, cancel, attempt).await?;
        let (link, inbox) = Link::new(Marks::At, place, cancel);
        let worker = Worker::new(client, place.clone(), access, self.terms.limit(longest), cancel.clone());
        // Ends when the last clone of the link is dropped, at the latest.
        tokio::spawn(async move {
            worker.serve(inbox.calls).await;
            drop(permit);
        });
        Ok(link)
    }
}
