//! People of a directory: whether a password is theirs, and what the directory says of them. A password is proven by a
//! bind as its owner, and by reading the own entry over that connection.
//!
//! Invariants: a name goes into a filter or a DN escaped; an empty password is never sent, because a server takes a bind
//! with one for an anonymous one and calls it a success (RFC 4513 §5.1.2); exactly one entry is somebody.

use host_model::CancelToken;
use host_model::connector::{Directory, Hidden};
use host_model::plugin_port::{
    DirectoryEntry, DirectoryPages as _, DirectoryQuery, DirectoryScope, DirectoryValues, ServiceError,
    ServiceErrorKind,
};
use ldap3::{dn_escape, ldap_escape};

use super::{Pages, Server, Unbegun};

/// Groups of one person that are looked at.
const MOST_GROUPS: usize = 2000;

/// How people are found in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// The directory, with the account that searches.
    pub directory: Directory,
    /// A filter with `{user}` in it; else `user_dn` is used.
    pub user_filter: Option<String>,
    /// A DN with `{user}` in it.
    pub user_dn: Option<String>,
    /// Holds the name for people.
    pub display_attribute: String,
    /// Holds what stays the same when somebody is renamed; none: the DN.
    pub id_attribute: Option<String>,
    /// Holds the groups, by name or DN.
    pub groups_attribute: String,
    /// Where groups are, and a filter with `{dn}` in it for those of a person.
    pub groups_search: Option<(String, String)>,
}

/// Somebody a directory knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The DN.
    pub dn: String,
    /// Stays the same.
    pub id: String,
    /// For people; may be empty.
    pub display_name: String,
    /// The groups, by DN and by the first part of it: `cn=ops,dc=x` and `ops`.
    pub groups: Vec<String>,
}

impl People {
    /// Who has this name and this password. `Ok(None)`: nobody, be it the name or the password that is wrong.
    ///
    /// # Errors
    /// The directory cannot be asked, in words.
    pub async fn check(&self, user: &str, password: &str) -> Result<Option<Person>, ServiceError> {
        if user.is_empty() || password.is_empty() {
            return Ok(None);
        }
        let dn = match &self.user_dn {
            Some(template) => template.replace("{user}", &dn_escape(user)),
            None => match self.search(&self.service(), self.user_query(user)).await? {
                Some(entry) => entry.dn,
                None => return Ok(None),
            },
        };
        let own = Server { account: Some((dn.clone(), Hidden::new(password))), ..self.service() };
        let entry = match self.one(&own, self.query(&dn, DirectoryScope::Base, "(objectClass=*)".to_owned())).await {
            Ok(entry) => entry,
            Err(Unbegun { is_refused: true, error }) => {
                tracing::debug!(%error, "a directory refuses a sign-in");
                return Ok(None);
            }
            Err(Unbegun { error, .. }) => return Err(error),
        };
        let Some(entry) = entry else { return Ok(None) };
        let groups_as = if self.directory.bind_dn.is_some() { self.service() } else { own };
        self.person(entry, &groups_as).await.map(Some)
    }

    /// Who has this name now, without a password. `Ok(None)`: nobody any more.
    ///
    /// # Errors
    /// The directory cannot be asked, in words; also where it can only be asked as the person.
    pub async fn look_up(&self, user: &str) -> Result<Option<Person>, ServiceError> {
        let query = match &self.user_dn {
            Some(template) => {
                let dn = template.replace("{user}", &dn_escape(user));
                self.query(&dn, DirectoryScope::Base, "(objectClass=*)".to_owned())
            }
            None => self.user_query(user),
        };
        match self.search(&self.service(), query).await? {
            Some(entry) => self.person(entry, &self.service()).await.map(Some),
            None => Ok(None),
        }
    }

    fn service(&self) -> Server {
        Server::from(&self.directory)
    }

    fn user_query(&self, user: &str) -> DirectoryQuery {
        let filter = self.user_filter.as_deref().unwrap_or("(uid={user})").replace("{user}", &ldap_escape(user));
        self.query(&self.directory.base, DirectoryScope::Subtree, filter)
    }

    fn query(&self, base: &str, scope: DirectoryScope, filter: String) -> DirectoryQuery {
        let wanted = [Some(&self.display_attribute), self.id_attribute.as_ref(), Some(&self.groups_attribute)];
        DirectoryQuery {
            base: Some(base.to_owned()),
            scope,
            filter,
            attributes: wanted.into_iter().flatten().cloned().collect(),
            // Two are as good as a thousand: neither is one.
            page_size: 2,
        }
    }

    async fn search(&self, server: &Server, query: DirectoryQuery) -> Result<Option<DirectoryEntry>, ServiceError> {
        self.one(server, query).await.map_err(|Unbegun { error, .. }| error)
    }

    /// The one entry that is found; of several, none is.
    async fn one(&self, server: &Server, query: DirectoryQuery) -> Result<Option<DirectoryEntry>, Unbegun> {
        let mut pages = match Pages::begin(server, query, &CancelToken::new()).await {
            Ok(pages) => pages,
            // An entry that does not exist is nobody.
            Err(Unbegun { error, .. }) if error.kind == ServiceErrorKind::NotFound => {
                return Ok(None);
            }
            Err(unbegun) => return Err(unbegun),
        };
        let mut found = pages.next_page().await?;
        match (found.pop(), found.is_empty()) {
            (Some(entry), true) => Ok(Some(entry)),
            (Some(_), false) => {
                tracing::warn!(directory = server.who, "several entries answer to one name; none of them may sign in");
                Ok(None)
            }
            (None, _) => Ok(None),
        }
    }

    async fn person(&self, entry: DirectoryEntry, server: &Server) -> Result<Person, ServiceError> {
        let mut groups: Vec<String> = values(&entry, &self.groups_attribute);
        if let Some((base, filter)) = &self.groups_search {
            let query = DirectoryQuery {
                base: Some(base.clone()),
                scope: DirectoryScope::Subtree,
                filter: filter.replace("{dn}", &ldap_escape(&*entry.dn)),
                attributes: vec!["1.1".to_owned()],
                page_size: 500,
            };
            let pages = Pages::begin(server, query, &CancelToken::new()).await;
            let mut pages = pages.map_err(|Unbegun { error, .. }| error)?;
            loop {
                let page = pages.next_page().await?;
                if page.is_empty() || groups.len() > MOST_GROUPS {
                    break;
                }
                groups.extend(page.into_iter().map(|entry| entry.dn));
            }
        }
        let short: Vec<String> = groups.iter().filter_map(|dn| first_value(dn)).collect();
        groups.extend(short);
        let first = |name: &String| values(&entry, name).into_iter().next();
        let id = self.id_attribute.as_ref().and_then(first).unwrap_or_else(|| entry.dn.to_lowercase());
        let display_name = first(&self.display_attribute).unwrap_or_default();
        Ok(Person { id, display_name, groups, dn: entry.dn })
    }
}

/// `ops` of `cn=ops,ou=groups,dc=x`. A name that a DN writes with a backslash has to be written as a whole DN.
fn first_value(dn: &str) -> Option<String> {
    let first = dn.split(',').next()?;
    let (kind, value) = first.split_once('=')?;
    (kind.eq_ignore_ascii_case("cn") && !first.contains('\\')).then(|| value.trim().to_owned())
}

fn values(entry: &DirectoryEntry, name: &str) -> Vec<String> {
    let all = entry.attributes.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    let texts = all.flat_map(|(_, values)| match values {
        DirectoryValues::Texts(texts) => texts.clone(),
        // An id that is no text, such as Active Directory's objectGUID.
        DirectoryValues::Bytes(values) => {
            values.iter().map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()).collect()
        }
    });
    texts.collect()
}
