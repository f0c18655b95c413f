//! A search under way: one connection, bound as its account, fetched page by page with the control of RFC 2696.
//!
//! An attribute with more values than the server gives at once comes in ranges (Active Directory), whose rest is fetched.
//! Referrals are not followed here: those among the entries are kept, and so is one in place of an answer (`referral`).
//! Invariant: a search that is dropped closes its connection.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use host_model::CancelToken;
use host_model::connector::{Directory, Hidden};
use host_model::plugin_port::{
    DirectoryEntry, DirectoryPages, DirectoryQuery, DirectoryScope, DirectoryValues, ServiceError,
};
use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, ResultEntry, Scope, SearchEntry};
use tokio::task::JoinHandle;

use super::fault::Fault;
use crate::tls;

const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// What a server gets to answer one request.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The result code of an answer that names other servers.
const REFERRAL: u32 = 10;

/// Where a directory is, and who asks.
#[derive(Clone)]
pub(crate) struct Server {
    /// How messages call it.
    pub(crate) who: String,
    /// `ldap://` or `ldaps://`.
    pub(crate) url: String,
    pub(crate) start_tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    /// Account and password; none searches anonymously.
    pub(crate) account: Option<(String, Hidden)>,
    /// Where a search begins that does not say it.
    pub(crate) base: String,
}

impl From<&Directory> for Server {
    fn from(directory: &Directory) -> Self {
        let password = || directory.password.clone().unwrap_or_else(|| Hidden::new(""));
        Self {
            who: format!("LDAP connector `{}` ({})", directory.name, directory.url),
            url: directory.url.clone(),
            start_tls: directory.start_tls,
            ca_file: directory.ca_file.clone(),
            account: directory.bind_dn.clone().map(|dn| (dn, password())),
            base: directory.base.clone(),
        }
    }
}

/// Why a search did not begin.
pub(crate) struct Unbegun {
    pub(crate) error: ServiceError,
    /// The account was refused: asking again gains nothing, and may lock it.
    pub(crate) is_refused: bool,
}

impl From<ServiceError> for Unbegun {
    fn from(error: ServiceError) -> Self {
        Self { error, is_refused: false }
    }
}

/// A search that was begun.
pub(crate) struct Pages {
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
    /// References to other servers among the entries so far.
    pub(crate) references: Vec<String>,
    /// The servers that were named in place of an answer.
    pub(crate) referred_to: Vec<String>,
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Pages {
    /// Connects, binds, and asks for the first page.
    pub(crate) async fn begin(server: &Server, query: DirectoryQuery, cancel: &CancelToken) -> Result<Self, Unbegun> {
        let fault = Fault { who: server.who.clone() };
        let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECT_WITHIN).set_starttls(server.start_tls);
        if server.start_tls || server.url.starts_with("ldaps:") {
            settings = settings.set_config(fault.encrypting(tls::client_config(server.ca_file.as_deref()))?);
        }
        let connecting = LdapConnAsync::with_settings(settings, &server.url);
        let (connection, ldap) = or_canceled(cancel, connecting).await?.map_err(|error| fault.connecting(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "an LDAP connection ended");
            }
        });
        let base = query.base.clone().unwrap_or_else(|| server.base.clone());
        let mut pages = Self {
            ldap,
            driver,
            fault,
            cancel: cancel.clone(),
            query,
            base,
            cookie: Some(Vec::new()),
            first: None,
            references: Vec::new(),
            referred_to: Vec::new(),
        };
        if let Some((account, password)) = &server.account {
            let bind = pages.ldap.with_timeout(ANSWER_WITHIN).simple_bind(account, password.reveal());
            let bound = or_canceled(cancel, bind).await?;
            // Invalid credentials, and ways of signing in that the server does not take.
            let is_refused =
                bound.as_ref().is_ok_and(|result| matches!(result.rc, 7 | 8 | 13 | 34 | 48 | 49 | 50 | 53));
            pages.fault.bound(account, bound).map_err(|error| Unbegun { error, is_refused })?;
        }
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
        // The library puts the references among the entries in the same place.
        let referrals = found.1.refs.iter().filter(|url| !url.is_empty());
        match found.1.rc {
            REFERRAL => self.referred_to.extend(referrals.cloned()),
            _ => self.references.extend(referrals.cloned()),
        }
        let mut entries: Vec<DirectoryEntry> =
            found.0.into_iter().filter(|entry| !is_reference(entry)).map(entry_of).collect();
        for entry in &mut entries {
            self.complete(entry).await?;
        }
        Ok(entries)
    }

    /// Fetches what is missing of attributes that came in part: `member;range=0-1499`.
    async fn complete(&mut self, entry: &mut DirectoryEntry) -> Result<(), ServiceError> {
        while let Some(at) = entry.attributes.iter().position(|(name, _)| range_of(name).is_some()) {
            let (name, mut values) = entry.attributes.swap_remove(at);
            let Some((base, mut last)) = range_of(&name).map(|(base, last)| (base.to_owned(), last)) else { continue };
            while let Some(end) = last {
                let next = format!("{base};range={}-*", end + 1);
                let part = self.read_range(&entry.dn, &next, &base).await?;
                let Some((following, more)) = part else { break };
                // A server that does not get on would be asked for ever.
                last = following.filter(|following| *following > end);
                join(&mut values, more);
            }
            // Servers give the name itself too, with nothing.
            entry.attributes.retain(|(other, _)| !other.eq_ignore_ascii_case(&base));
            entry.attributes.push((base, values));
        }
        entry.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(())
    }

    /// One more part of an attribute, and where it ends; `None` of that at the last one.
    async fn read_range(
        &mut self,
        dn: &str,
        wanted: &str,
        base: &str,
    ) -> Result<Option<(Option<u64>, DirectoryValues)>, ServiceError> {
        self.ldap.with_timeout(ANSWER_WITHIN);
        let search = self.ldap.search(dn, Scope::Base, "(objectClass=*)", vec![wanted]);
        let found = or_canceled(&self.cancel, search).await?.map_err(|error| self.fault.searching(&error))?;
        self.fault.answered(&found.1, dn)?;
        let entries = found.0.into_iter().filter(|entry| !is_reference(entry)).map(entry_of);
        let parts = entries.flat_map(|entry| entry.attributes).filter_map(|(name, values)| {
            let (found, last) = range_of(&name)?;
            found.eq_ignore_ascii_case(base).then_some((last, values))
        });
        Ok(parts.into_iter().next())
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

/// `member` and `Some(1499)` of `member;range=0-1499`, `None` of `…-*`, which is the last part.
fn range_of(name: &str) -> Option<(&str, Option<u64>)> {
    let (base, option) = name.split_once(';')?;
    let (_, end) = option.strip_prefix("range=").or_else(|| option.strip_prefix("Range="))?.split_once('-')?;
    if end == "*" { Some((base, None)) } else { Some((base, Some(end.parse().ok()?))) }
}

/// Values of one attribute; where a part has bytes that are no text, all of them are bytes.
fn join(values: &mut DirectoryValues, more: DirectoryValues) {
    let bytes = |values: DirectoryValues| match values {
        DirectoryValues::Texts(texts) => texts.into_iter().map(String::into_bytes).collect(),
        DirectoryValues::Bytes(bytes) => bytes,
    };
    match (&mut *values, more) {
        (DirectoryValues::Texts(all), DirectoryValues::Texts(more)) => all.extend(more),
        (_, more) => {
            let mut all: Vec<Vec<u8>> = bytes(std::mem::replace(values, DirectoryValues::Texts(Vec::new())));
            all.extend(bytes(more));
            *values = DirectoryValues::Bytes(all);
        }
    }
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
