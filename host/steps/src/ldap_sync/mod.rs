//! `ldap_sync`: entries of a directory into a table, or through a query, in one transaction.
//!
//! `convert` makes a row of an entry, `table` brings rows into a table by way of a temporary one, `dialect` holds the
//! statements for that, `query` runs a query for each entry. Invariant: nothing is visible before the last page was read.

mod convert;
mod dialect;
mod query;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use host_model::connector::Hidden;
use host_model::job::spec::{LdapScope, LdapSyncSpec, Referrals};
use host_model::plugin_port::{
    DirectoryEntry, DirectoryPages as _, DirectoryQuery, DirectoryScope, ServiceError, ServiceErrorKind,
};
use host_model::port::{Access, Connectors as _, StepContext, StepFailure, StepOutcome, StepRunner};
use host_model::{StepError, StepErrorKind, StepSpec};
use serde_json::json;

use crate::connector::ConnectorPools;
use crate::ldap::{Pages, Route, Server, Unbegun};
use convert::Mapping;

/// Runs `ldap_sync` steps.
pub struct LdapSyncRunner {
    pools: Arc<ConnectorPools>,
    home: PathBuf,
}

/// What became of the rows.
#[derive(Debug, Default)]
struct Synced {
    inserted: u64,
    updated: u64,
    /// Deleted, or marked as such.
    deleted: u64,
    /// Rows that were as they should be; not known of a query.
    unchanged: Option<u64>,
}

impl LdapSyncRunner {
    /// A runner on these connectors; `home` is where a step's `ca_file` is.
    pub fn new(pools: Arc<ConnectorPools>, home: &Path) -> Self {
        Self { pools, home: home.to_owned() }
    }

    fn server(&self, spec: &LdapSyncSpec) -> Result<Server, StepError> {
        if !spec.directory.is_empty() {
            return Ok(Server::from(&self.pools.directory(&spec.directory).map_err(failed)?));
        }
        let account = (!spec.bind_dn.is_empty()).then(|| (spec.bind_dn.clone(), Hidden::new(&*spec.bind_password)));
        if account.as_ref().is_some_and(|(_, password)| password.reveal().is_empty()) {
            // A server takes an account without a password for an anonymous one.
            return Err(StepError::definition("`bind_password` is empty"));
        }
        Ok(Server {
            who: format!("LDAP server {}", spec.server),
            url: spec.server.clone(),
            start_tls: spec.start_tls,
            ca_file: spec.ca_file.as_ref().map(|file| self.home.join(file)),
            account,
            base: spec.search_base.clone(),
        })
    }
}

#[async_trait]
impl StepRunner for LdapSyncRunner {
    async fn run(&self, spec: &StepSpec, ctx: &StepContext) -> Result<StepOutcome, StepFailure> {
        let StepSpec::LdapSync(spec) = spec else {
            return Err(crate::wrong_runner("ldap_sync", spec).into());
        };
        let mapping = Mapping::of(spec)?;
        let server = self.server(spec)?;
        // Refused here and not after a long search.
        let found = self.pools.find(&spec.target_connector)?;
        let session = self.pools.open(&spec.target_connector, Access::ReadWrite, &ctx.cancel).await?;
        let begun = std::time::Instant::now();
        let mut source = Source::begin(&server, spec, &mapping, ctx).await?;
        let synced = if spec.target_query.is_empty() {
            table::sync(&*session, spec, &mapping, &mut source).await?
        } else {
            query::sync(&*session, &found, spec, &mapping, &mut source).await?
        };
        let fetched = source.fetched;
        let upserted = synced.inserted + synced.updated;
        ctx.voice.progress(fetched, Some(fetched), "entries");
        ctx.info(format!(
            "{fetched} entries, {upserted} rows upserted, {} deleted, in {} ms",
            synced.deleted,
            begun.elapsed().as_millis()
        ))
        .await;
        let mut output = json!({ "fetched": fetched, "upserted": upserted, "deleted": synced.deleted });
        if let Some(unchanged) = synced.unchanged {
            output["inserted"] = synced.inserted.into();
            output["updated"] = synced.updated.into();
            output["unchanged"] = unchanged.into();
        }
        let output = output.as_object().cloned().unwrap_or_default();
        Ok(StepOutcome { output, rows_affected: i64::try_from(upserted + synced.deleted).ok(), usage: None })
    }
}

/// The entries of the directory, page by page.
struct Source<'a> {
    pages: Pages,
    ctx: &'a StepContext,
    fetched: u64,
    referrals: Referrals,
    route: Route,
    /// References that were not followed.
    ignored: u64,
}

impl<'a> Source<'a> {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "ldap.search"))]
    async fn begin(
        server: &Server,
        spec: &LdapSyncSpec,
        mapping: &Mapping,
        ctx: &'a StepContext,
    ) -> Result<Self, StepError> {
        let base = if spec.search_base.is_empty() { &server.base } else { &spec.search_base };
        ctx.info(format!("{}: {} below `{base}`", server.who, spec.search_filter)).await;
        let query = DirectoryQuery {
            base: Some(base.clone()),
            scope: match spec.scope {
                LdapScope::Base => DirectoryScope::Base,
                LdapScope::OneLevel => DirectoryScope::OneLevel,
                LdapScope::Subtree => DirectoryScope::Subtree,
            },
            filter: spec.search_filter.clone(),
            attributes: mapping.attributes(),
            page_size: spec.page_size,
        };
        let pages = Pages::begin(server, query.clone(), &ctx.cancel).await.map_err(unbegun)?;
        let route = Route::new(server.clone(), query);
        Ok(Self { pages, ctx, fetched: 0, referrals: spec.referrals, route, ignored: 0 })
    }

    /// The next entries; none at the end.
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "ldap.next-page"))]
    async fn next(&mut self) -> Result<Vec<DirectoryEntry>, StepError> {
        loop {
            let page = self.pages.next_page().await.map_err(failed)?;
            self.follow().await?;
            self.fetched += page.len() as u64;
            self.ctx.voice.progress(self.fetched, None, "entries");
            if !page.is_empty() {
                return Ok(page);
            }
            let Some((servers, query)) = self.route.next() else {
                if self.ignored > 0 {
                    let text = format!("{} references to other servers were not followed", self.ignored);
                    self.ctx.info(text).await;
                }
                return Ok(page);
            };
            self.go_on(&servers, query).await?;
        }
    }

    /// Deals with the references that have come.
    async fn follow(&mut self) -> Result<(), StepError> {
        let references = std::mem::take(&mut self.pages.references);
        let instead = std::mem::take(&mut self.pages.referred_to);
        match (self.referrals, instead.first(), references.first()) {
            (Referrals::Follow, ..) => {
                self.route.add(&references, false).map_err(failed)?;
                self.route.add(&instead, true).map_err(failed)
            }
            // Taking it for an empty answer would make every row look deleted.
            (_, Some(elsewhere), _) => Err(StepError::definition(format!(
                "the search base is held by another server, {elsewhere}, and referrals are not followed; \
                 `referrals = \"follow\"` does"
            ))),
            (Referrals::Fail, None, Some(elsewhere)) => Err(StepError::definition(format!(
                "a part of the directory is held by another server, {elsewhere}, and `referrals` is `fail`"
            ))),
            (Referrals::Ignore | Referrals::Fail, None, _) => {
                self.ignored += references.len() as u64;
                Ok(())
            }
        }
    }

    /// Searches the next place on the first of its servers that answers.
    async fn go_on(&mut self, servers: &[Server], query: DirectoryQuery) -> Result<(), StepError> {
        let mut last = None;
        for server in servers {
            self.ctx.info(format!("following a reference to {}", server.url)).await;
            match Pages::begin(server, query.clone(), &self.ctx.cancel).await {
                Ok(pages) => {
                    self.pages = pages;
                    return Ok(());
                }
                Err(error) => last = Some(unbegun(error)),
            }
        }
        last.map_or(Ok(()), Err)
    }
}

/// Why a search did not begin, in the words of a step.
fn unbegun(Unbegun { error, is_refused }: Unbegun) -> StepError {
    let mut error = failed(error);
    error.may_retry &= !is_refused;
    error
}

/// A directory's failure in the words of a step.
fn failed(error: ServiceError) -> StepError {
    let kind = match error.kind {
        ServiceErrorKind::Denied => StepErrorKind::Denied,
        ServiceErrorKind::NotFound | ServiceErrorKind::Invalid => StepErrorKind::Definition,
        ServiceErrorKind::Canceled => StepErrorKind::Canceled,
        ServiceErrorKind::Unavailable
        | ServiceErrorKind::Timeout
        | ServiceErrorKind::Remote
        | ServiceErrorKind::Limit => StepErrorKind::Remote,
    };
    let may_retry = error.may_retry();
    StepError { may_retry, ..StepError::new(kind, error.message) }
}
