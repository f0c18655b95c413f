//! LDAP connectors: searches on behalf of plugins, one connection for each, fetched page by page.
//!
//! Here: connecting, binding as the connector's account, and the pages. `fault` words what goes wrong. Invariant: the
//! password leaves this module towards the server only, and a search that is dropped closes its connection.

mod fault;

use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use host_model::CancelToken;
use host_model::connector::Directory;
use host_model::diagnostic::nearest;
use host_model::plugin_port::{
    Directories, DirectoryEntry, DirectoryPages, DirectoryQuery, DirectoryScope, DirectoryValues, ServiceError,
    ServiceErrorKind,
};
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, ResultEntry, Scope, SearchEntry};
use tokio::task::JoinHandle;

use crate::connector::ConnectorPools;
use crate::tls;
use fault::Fault;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// What a server gets to answer one request.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

#[async_trait]
impl Directories for ConnectorPools {
    async fn search(
        &self,
        connector: &str,
        query: DirectoryQuery,
        cancel: &CancelToken,
    ) -> Result<Box<dyn DirectoryPages>, ServiceError> {
        let declared = self.declared();
        let Some(directory) = declared.directories.get(connector) else {
            let names = || declared.directories.keys().map(|name| name.as_str());
            let hint = match nearest(connector, names()) {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            let message = format!("there is no LDAP connector `{connector}`{hint}");
            return Err(ServiceError::new(ServiceErrorKind::NotFound, message));
        };
        Ok(Box::new(Pages::begin(directory, query, cancel).await?))
    }
}

/// A search that was begun.
struct Pages {
    ldap: Ldap,
    /// Moves the bytes of the connection.
    driver: JoinHandle<()>,
    fault: Fault,
    cancel: CancelToken,
    query: DirectoryQuery,
    base: String,
    /// Where the next page begins; none at the end.
    cookie: Option<Vec<u8>>,
    /// The first page, fetched to see whether the search makes sense.
    first: Option<Vec<DirectoryEntry>>,
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Pages {
    async fn begin(directory: &Directory, query: DirectoryQuery, cancel: &CancelToken) -> Result<Self, ServiceError> {
        let fault = Fault { connector: directory.name.to_string(), url: directory.url.clone() };
        let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECT_WITHIN).set_starttls(directory.start_tls);
        if directory.start_tls || directory.url.starts_with("ldaps:") {
            settings = settings.set_config(fault.encrypting(tls::client_config(directory.ca_file.as_deref()))?);
        }
        let connecting = LdapConnAsync::with_settings(settings, &directory.url);
        let (connection, mut ldap) =
            or_canceled(cancel, connecting).await?.map_err(|error| fault.connecting(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection ended");
            }
        });
        let base = query.base.clone().unwrap_or_else(|| directory.base.clone());
        let account = directory.bind_dn.as_deref();
        if let Some(account) = account {
            let password = directory.password.as_ref().map_or("", |password| password.reveal());
            let bind = ldap.with_timeout(ANSWER_WITHIN).simple_bind(account, password);
            let bound = or_canceled(cancel, bind).await;
            if let Err(error) = bound.and_then(|bound| fault.bound(account, bound)) {
                driver.abort();
                return Err(error);
            }
        }
        let (cancel, cookie) = (cancel.clone(), Some(Vec::new()));
        let mut pages = Self { ldap, driver, fault, cancel, query, base, cookie, first: None };
        pages.first = Some(pages.fetch().await?);
        Ok(pages)
    }

    /// The next page of the server, which may be empty before the end.
    async fn fetch(&mut self) -> Result<Vec<DirectoryEntry>, ServiceError> {
        let Some(cookie) = self.cookie.take() else { return Ok(Vec::new()) };
        let size = i32::try_from(self.query.page_size).unwrap_or(i32::MAX);
        let scope = match self.query.scope {
            DirectoryScope::Base => Scope::Base,
            DirectoryScope::OneLevel => Scope::OneLevel,
            DirectoryScope::Subtree => Scope::Subtree,
        };
        let control: RawControl = PagedResults { size, cookie }.into();
        self.ldap.with_controls(vec![control]).with_timeout(ANSWER_WITHIN);
        let search = self.ldap.search(&self.base, scope, &self.query.filter, &self.query.attributes);
        let found = or_canceled(&self.cancel, search).await?;
        let found = found.map_err(|error| self.fault.searching(&error))?;
        self.fault.answered(&found.1, &self.base)?;
        self.cookie = next_cookie(&found.1.ctrls);
        Ok(found.0.into_iter().filter(|entry| !is_reference(entry)).map(entry_of).collect())
    }
}

#[async_trait]
impl DirectoryPages for Pages {
    async fn next_page(&mut self) -> Result<Vec<DirectoryEntry>, ServiceError> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Ok(first);
        }
        // A page of nothing but references is not the end.
        while self.cookie.is_some() {
            let page = self.fetch().await?;
            if !page.is_empty() {
                return Ok(page);
            }
        }
        Ok(Vec::new())
    }
}

async fn or_canceled<T>(cancel: &CancelToken, work: impl Future<Output = T>) -> Result<T, ServiceError> {
    tokio::select! {
        done = work => Ok(done),
        () = cancel.canceled() => Err(ServiceError::canceled(cancel)),
    }
}

fn next_cookie(controls: &[Control]) -> Option<Vec<u8>> {
    let paged = controls.iter().find(|Control(kind, _)| matches!(kind, Some(ControlType::PagedResults)))?;
    let paged: PagedResults = paged.1.parse();
    (!paged.cookie.is_empty()).then_some(paged.cookie)
}

fn is_reference(entry: &ResultEntry) -> bool {
    entry.is_ref() || entry.is_intermediate()
}

fn entry_of(entry: ResultEntry) -> DirectoryEntry {
    let entry = SearchEntry::construct(entry);
    let texts = entry.attrs.into_iter().map(|(name, values)| (name, DirectoryValues::Texts(values)));
    let bytes = entry.bin_attrs.into_iter().map(|(name, values)| (name, DirectoryValues::Bytes(values)));
    let mut attributes: Vec<_> = texts.chain(bytes).collect();
    attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
    DirectoryEntry { dn: entry.dn, attributes }
}
