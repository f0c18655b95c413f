//! Searches in the LDAP directories granted to this plugin: entries one after another, fetched by page.

use std::vec;

use crate::bindings::nomaflow::step::ldap as wire;
use crate::{Error, imports};

pub use crate::bindings::nomaflow::step::ldap::Scope;

/// What to search for: everything below the connector's base that fits the filter, with all user attributes.
#[derive(Debug, Clone)]
pub struct Query(wire::Query);

impl Query {
    /// A query with a filter of RFC 4515; `escape` makes a value fit for it.
    #[must_use]
    pub fn new(filter: &str) -> Self {
        let filter = filter.to_owned();
        Self(wire::Query { base: None, scope: Scope::Subtree, filter, attributes: Vec::new(), page_size: 0 })
    }

    /// Begins at another entry than the connector says.
    #[must_use]
    pub fn base(mut self, dn: &str) -> Self {
        self.0.base = Some(dn.to_owned());
        self
    }

    /// How deep.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }

    /// Only these attributes.
    #[must_use]
    pub fn attributes(mut self, names: &[&str]) -> Self {
        self.0.attributes = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Fetches so many entries at a time; without it the host decides (500).
    #[must_use]
    pub fn page_size(mut self, entries: u32) -> Self {
        self.0.page_size = entries;
        self
    }

    /// Searches through a connector. Errors: `denied`, `not-found`, `invalid`, `unavailable`, `timeout`, `remote`.
    pub fn search(&self, connector: &str) -> Result<Entries, Error> {
        let search = imports::Search::begin(connector, &self.0)?;
        Ok(Entries { search, page: Vec::new().into_iter(), is_done: false })
    }
}

/// A value as it stands in a filter, whatever characters it has.
#[must_use]
pub fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for c in value.chars() {
        match c {
            '*' | '(' | ')' | '\\' | '\0' => escaped.push_str(&format!("\\{:02x}", u32::from(c))),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// The entries of a search, an iterator. After an error it is at its end.
pub struct Entries {
    search: imports::Search,
    page: vec::IntoIter<wire::Entry>,
    is_done: bool,
}

impl Iterator for Entries {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && !self.is_done {
            let page = self.search.next_page();
            self.is_done = page.as_ref().map_or(true, Vec::is_empty);
            match page {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(error.into())),
            }
        }
        self.page.next().map(|entry| Ok(Entry::from(entry)))
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Attributes whose values are all texts.
    pub texts: Vec<(String, Vec<String>)>,
    /// The others.
    pub bytes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// The texts of an attribute, its name in any letter case; empty when it has none.
    #[must_use]
    pub fn all(&self, attribute: &str) -> &[String] {
        let found = self.texts.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        found.map_or(&[], |(_, values)| values)
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self, attribute: &str) -> Option<&str> {
        self.all(attribute).first().map(String::as_str)
    }
}

impl From<wire::Entry> for Entry {
    fn from(entry: wire::Entry) -> Self {
        let mut read = Self { dn: entry.dn, ..Self::default() };
        for attribute in entry.attributes {
            match attribute.values {
                wire::AttributeValues::Texts(values) => read.texts.push((attribute.name, values)),
                wire::AttributeValues::Bytes(values) => read.bytes.push((attribute.name, values)),
            }
        }
        read
    }
}

#[cfg(not(target_family = "wasm"))]
impl From<Entry> for wire::Entry {
    fn from(entry: Entry) -> Self {
        let texts = entry.texts.into_iter().map(|(name, values)| (name, wire::AttributeValues::Texts(values)));
        let bytes = entry.bytes.into_iter().map(|(name, values)| (name, wire::AttributeValues::Bytes(values)));
        let attributes = texts.chain(bytes).map(|(name, values)| wire::Attribute { name, values }).collect();
        Self { dn: entry.dn, attributes }
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, Query, escape};
    use crate::Error;
    use crate::testing::Host;

    fn person(name: &str) -> Entry {
        let texts = vec![("cn".to_owned(), vec![name.to_owned()])];
        Entry { dn: format!("cn={name},dc=test"), texts, ..Entry::default() }
    }

    #[test]
    fn every_entry_comes_whatever_the_size_of_a_page() {
        let people: Vec<Entry> = ["a", "b", "c"].into_iter().map(person).collect();
        let _host = Host::new().directory("people", people).install();
        let query = Query::new("(cn=*)").page_size(2);
        let found: Result<Vec<Entry>, Error> = query.search("people").expect("granted").collect();
        let names: Vec<String> =
            found.expect("no error").iter().filter_map(|e| e.first("CN").map(str::to_owned)).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert!(query.search("others").is_err_and(|error| error.is("denied")));
    }

    #[test]
    fn a_value_cannot_change_the_filter_it_stands_in() {
        assert_eq!(escape("Meier*)(uid=\\"), "Meier\\2a\\29\\28uid=\\5c");
    }
}
