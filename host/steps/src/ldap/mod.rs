//! LDAP: searches of directories, on behalf of plugins and of `ldap_sync`, one connection for each.
//!
//! Here: the connectors that plugins name. `pages` connects, binds and fetches, `referral` says where a search goes on,
//! `people` proves passwords for the sign-in, `fault` words what goes wrong. Invariant:
//! the password leaves this module towards the server only.

mod fault;
mod pages;
mod people;
mod referral;

use async_trait::async_trait;
use host_model::CancelToken;
use host_model::connector::Directory;
use host_model::diagnostic::nearest;
use host_model::plugin_port::{Directories, DirectoryPages, DirectoryQuery, ServiceError, ServiceErrorKind};

pub use people::{People, Person};

pub(crate) use pages::{Pages, Server, Unbegun};
pub(crate) use referral::Route;

use crate::connector::ConnectorPools;

impl ConnectorPools {
    /// The LDAP connector `name`, as it is declared now.
    pub(crate) fn directory(&self, name: &str) -> Result<Directory, ServiceError> {
        let declared = self.declared();
        declared.directories.get(name).cloned().ok_or_else(|| {
            let names = || declared.directories.keys().map(|name| name.as_str());
            let hint = match nearest(name, names()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            ServiceError::new(ServiceErrorKind::NotFound, format!("there is no LDAP connector `{name}`{hint}"))
        })
    }
}

#[async_trait]
impl Directories for ConnectorPools {
    async fn search(
        &self,
        connector: &str,
        query: DirectoryQuery,
        cancel: &CancelToken,
    ) -> Result<Box<dyn DirectoryPages>, ServiceError> {
        let server = Server::from(&self.directory(connector)?);
        let pages = Pages::begin(&server, query, cancel).await.map_err(|Unbegun { error, .. }| error)?;
        Ok(Box::new(pages))
    }
}
