//! What an `ldap_sync` step says. Fields that came later have a default, so that runs recorded before can still be read.

use serde::{Deserialize, Serialize};

use crate::JsonMap;
use crate::job::word_enum;

/// `ldap_sync`: a directory subtree into a table, or through a query (seeds, create-a-job ④).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LdapSyncSpec {
    /// An LDAP connector; empty = `server` says where.
    #[serde(default)]
    pub directory: String,
    /// `ldap://` or `ldaps://` URL; empty with `directory`.
    pub server: String,
    /// Service account; empty = anonymous, or the connector's.
    pub bind_dn: String,
    /// Its password; usually a secret.
    pub bind_password: String,
    /// Whether a plain connection is encrypted before anything else is said; with `server` only.
    #[serde(default)]
    pub start_tls: bool,
    /// Certificate authorities in PEM, trusted beside those of the machine; with `server` only, relative to the home.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// DN to search below; empty = the connector's base.
    pub search_base: String,
    /// RFC 4515 filter.
    pub search_filter: String,
    /// How deep.
    #[serde(default)]
    pub scope: LdapScope,
    /// What becomes of references to other servers.
    #[serde(default)]
    pub referrals: Referrals,
    /// Attributes to read; empty = those of `mapping`.
    pub attributes: Vec<String>,
    /// Entries a page.
    #[serde(default = "ldap_page")]
    pub page_size: u32,
    /// Connector that receives the rows.
    pub target_connector: String,
    /// Schema of the table; `None` = the connection's default.
    #[serde(default)]
    pub target_schema: Option<String>,
    /// Table that receives them; empty with `target_query`.
    #[serde(default)]
    pub target_table: String,
    /// Writable named query run per entry; empty with `target_table`.
    pub target_query: String,
    /// LDAP attribute → column or parameter: its name, or `{ column, multi_values }`.
    pub mapping: JsonMap,
    /// What becomes of several values.
    #[serde(default)]
    pub multi_values: MultiValues,
    /// Between joined values.
    #[serde(default = "ldap_separator")]
    pub separator: String,
    /// Columns that identify a row.
    #[serde(default)]
    pub key_columns: Vec<String>,
    /// What becomes of rows whose entry is gone.
    #[serde(default)]
    pub delete_mode: DeleteMode,
    /// With `soft`: the column that says when, or that, an entry was gone.
    #[serde(default)]
    pub delete_column: Option<String>,
    /// More deletions than so many of a hundred rows are refused.
    #[serde(default = "ldap_deletions")]
    pub max_delete_percent: u32,
    /// Whether a search that finds nothing may delete everything.
    #[serde(default)]
    pub allow_empty: bool,
}

/// Default of [`LdapSyncSpec::page_size`]: servers of Microsoft give 1,000 at most.
pub const DEFAULT_LDAP_PAGE: u32 = 500;
/// Default of [`LdapSyncSpec::max_delete_percent`].
pub const DEFAULT_MAX_DELETE_PERCENT: u32 = 20;
/// Default of [`LdapSyncSpec::separator`].
pub const DEFAULT_SEPARATOR: &str = ";";

fn ldap_page() -> u32 {
    DEFAULT_LDAP_PAGE
}

fn ldap_deletions() -> u32 {
    DEFAULT_MAX_DELETE_PERCENT
}

fn ldap_separator() -> String {
    DEFAULT_SEPARATOR.to_owned()
}

word_enum!(
    /// How deep a directory is searched.
    #[derive(Default)]
    LdapScope {
        /// The base itself.
        Base = "base",
        /// What is right below it.
        OneLevel = "one_level",
        /// It and everything below.
        #[default]
        Subtree = "subtree",
    }
);
word_enum!(
    /// What becomes of references to other servers that come among the entries.
    #[derive(Default)]
    Referrals {
        /// They are counted.
        #[default]
        Ignore = "ignore",
        /// What is there is read too, with the same account.
        Follow = "follow",
        /// The step fails.
        Fail = "fail",
    }
);
word_enum!(
    /// What becomes of several values of one attribute.
    #[derive(Default)]
    MultiValues {
        /// Sorted, with a separator between them.
        #[default]
        Join = "join",
        /// A JSON array, sorted; of one value too.
        Json = "json",
        /// The first one the server gives.
        First = "first",
    }
);
word_enum!(
    /// What becomes of rows whose entry is gone.
    #[derive(Default)]
    DeleteMode {
        /// They stay.
        #[default]
        None = "none",
        /// They are deleted.
        Hard = "hard",
        /// They are marked.
        Soft = "soft",
    }
);
