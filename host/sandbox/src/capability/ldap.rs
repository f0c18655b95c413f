//! `nomaflow:step/ldap`: searches in granted directories, page by page. A search holds a connection, so their number is
//! bounded; dropping one, by the guest or with the store, closes it.

use host_model::plugin_port::{DirectoryEntry, DirectoryPages, DirectoryQuery, DirectoryScope, DirectoryValues};
use wasmtime::component::Resource;

use crate::bindings::nomaflow::step::ldap::{Attribute, AttributeValues, Entry, Host, HostSearch, Query, Scope};
use crate::capability::{Answer, host_error, service_error};
use crate::grants::toml_text;
use crate::state::CallState;

/// Searches a call may hold at once.
const SEARCHES: usize = 8;
const USUAL_PAGE: u32 = 500;
const LARGEST_PAGE: u32 = 10_000;

/// A search that was begun; none at its end.
#[allow(unreachable_pub, reason = "the generated bindings re-export it, inside of this crate")]
pub struct Search(Option<Box<dyn DirectoryPages>>);

impl Host for CallState {}

impl HostSearch for CallState {
    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "ldap.search"))]
    async fn begin(&mut self, connector: String, query: Query) -> Answer<Resource<Search>> {
        if let Err(error) = self.begin_call() {
            return Ok(Err(error));
        }
        if !self.call.grants.ldap.contains(&connector) {
            let what = format!("LDAP connector `{connector}` is not granted");
            return Ok(Err(self.deny(&what, &format!("ldap = [{}]", toml_text(&connector)), "grants")));
        }
        let Some(directories) = self.call.services.as_ref().map(|services| services.directories.clone()) else {
            return Ok(Err(host_error("unavailable", "there are no directories here")));
        };
        if self.call.n_searches >= SEARCHES {
            return Ok(Err(host_error("limit", format!("{SEARCHES} searches are open already"))));
        }
        match directories.search(&connector, query_of(query), &self.call.cancel).await {
            Ok(pages) => {
                let search = self.table.push(Search(Some(pages)))?;
                self.call.n_searches += 1;
                Ok(Ok(search))
            }
            Err(error) => Ok(Err(service_error(error))),
        }
    }

    #[tracing::instrument(name = "host_call", level = "debug", skip_all, fields(call = "ldap.next-page"))]
    async fn next_page(&mut self, search: Resource<Search>) -> Answer<Vec<Entry>> {
        let begun = self.begin_call();
        let open = &mut self.table.get_mut(&search)?.0;
        if let Err(error) = begun {
            *open = None;
            return Ok(Err(error));
        }
        let Some(pages) = open else { return Ok(Ok(Vec::new())) };
        let entries = match pages.next_page().await {
            Ok(entries) => entries,
            Err(error) => {
                *open = None;
                return Ok(Err(service_error(error)));
            }
        };
        let (bytes, limit) = (estimate_bytes(&entries), self.call.grants.limits.memory_bytes);
        if bytes as u64 > limit {
            *open = None;
            let n = entries.len();
            let message = format!("a page of {n} entries takes about {bytes} bytes, the memory limit is {limit}");
            return Ok(Err(host_error("limit", message)));
        }
        if entries.is_empty() {
            *open = None;
        }
        self.call.usage.rows_in += entries.len() as u64;
        Ok(Ok(entries.into_iter().map(entry_to_guest).collect()))
    }

    async fn drop(&mut self, search: Resource<Search>) -> wasmtime::Result<()> {
        self.table.delete(search)?;
        self.call.n_searches -= 1;
        Ok(())
    }
}

fn query_of(query: Query) -> DirectoryQuery {
    DirectoryQuery {
        base: query.base,
        scope: match query.scope {
            Scope::Base => DirectoryScope::Base,
            Scope::OneLevel => DirectoryScope::OneLevel,
            Scope::Subtree => DirectoryScope::Subtree,
        },
        filter: query.filter,
        attributes: query.attributes,
        page_size: if query.page_size == 0 { USUAL_PAGE } else { query.page_size.min(LARGEST_PAGE) },
    }
}

fn entry_to_guest(entry: DirectoryEntry) -> Entry {
    let attribute = |(name, values)| Attribute {
        name,
        values: match values {
            DirectoryValues::Texts(texts) => AttributeValues::Texts(texts),
            DirectoryValues::Bytes(bytes) => AttributeValues::Bytes(bytes),
        },
    };
    Entry { dn: entry.dn, attributes: entry.attributes.into_iter().map(attribute).collect() }
}

/// Roughly the bytes a page takes in the guest.
fn estimate_bytes(entries: &[DirectoryEntry]) -> usize {
    let values = |values: &DirectoryValues| match values {
        DirectoryValues::Texts(texts) => texts.iter().map(|text| 16 + text.len()).sum::<usize>(),
        DirectoryValues::Bytes(bytes) => bytes.iter().map(|bytes| 16 + bytes.len()).sum(),
    };
    let entry = |entry: &DirectoryEntry| {
        let attributes: usize = entry.attributes.iter().map(|(name, of)| 32 + name.len() + values(of)).sum();
        32 + entry.dn.len() + attributes
    };
    entries.iter().map(entry).sum()
}
