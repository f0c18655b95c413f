//! What an `http` step says. Fields that came later have a default, so that runs recorded before can still be read.

use serde::{Deserialize, Serialize};

use crate::{Json, JsonMap};

/// `http`: one request, or the pages of one; the response is the step's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HttpSpec {
    /// Absolute URL.
    pub url: String,
    /// Method in upper case.
    pub method: String,
    /// Request headers.
    pub headers: JsonMap,
    /// Added to the query of the URL; a list repeats its name.
    #[serde(default)]
    pub query: JsonMap,
    /// A string is sent as it is, anything else as JSON; `Null` = no body.
    pub body: Json,
    /// Fields of an HTML form; only without `body`.
    #[serde(default)]
    pub form: JsonMap,
    /// Statuses that count as success; empty = any 2xx.
    pub expected_statuses: Vec<u16>,
    /// Credentials, if any.
    pub auth: Option<HttpAuth>,
    /// The part of a JSON answer that is kept: `data.items`, `rows.0.id` or a JSON pointer; with pages, their items.
    #[serde(default)]
    pub pick: Option<String>,
    /// How the next page is found; `None` = one request.
    #[serde(default)]
    pub pagination: Option<Pagination>,
    /// Redirects followed; 0 = a redirect is the answer.
    #[serde(default = "most_redirects")]
    pub max_redirects: u32,
    /// Bytes of all bodies together; more is a failure.
    #[serde(default = "most_response_bytes")]
    pub max_response_bytes: u64,
    /// Time for one request, in seconds; `None` = the step's.
    #[serde(default)]
    pub request_timeout_seconds: Option<u32>,
    /// URL of a proxy, or `none`; `None` = what the environment says.
    #[serde(default)]
    pub proxy: Option<String>,
    /// Certificate authorities in PEM, trusted beside those of the machine; relative to the home directory.
    #[serde(default)]
    pub ca_file: Option<String>,
    /// Whether addresses of this machine and of private networks are refused, on every hop.
    #[serde(default)]
    pub deny_private_networks: bool,
}

/// Default of [`HttpSpec::max_redirects`].
pub const DEFAULT_MAX_REDIRECTS: u32 = 10;
/// Default of [`HttpSpec::max_response_bytes`]: 100 MiB.
pub const DEFAULT_MAX_RESPONSE_BYTES: u64 = 100 * 1024 * 1024;
/// Default of `max_pages`.
pub const DEFAULT_MAX_PAGES: u32 = 100;

fn most_redirects() -> u32 {
    DEFAULT_MAX_REDIRECTS
}

fn most_response_bytes() -> u64 {
    DEFAULT_MAX_RESPONSE_BYTES
}

impl HttpSpec {
    /// A GET that says only where.
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: "GET".to_owned(),
            headers: JsonMap::new(),
            query: JsonMap::new(),
            body: Json::Null,
            form: JsonMap::new(),
            expected_statuses: Vec::new(),
            auth: None,
            pick: None,
            pagination: None,
            max_redirects: DEFAULT_MAX_REDIRECTS,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            request_timeout_seconds: None,
            proxy: None,
            ca_file: None,
            deny_private_networks: false,
        }
    }
}

/// Where the next page of an answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pagination {
    /// How it is found.
    pub by: PageBy,
    /// Pages that are fetched; more is a failure.
    pub max_pages: u32,
}

/// How the next page is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageBy {
    /// The `Link` header with `rel="next"`.
    Link,
    /// A value in the JSON body, until there is none.
    Cursor {
        /// Where it is, written like [`HttpSpec::pick`].
        cursor: String,
        /// The query parameter it is sent in; `None` = it is the URL of the next page.
        param: Option<String>,
    },
    /// A number that is counted up, until a page has no items.
    Page {
        /// The query parameter.
        param: String,
        /// The first number.
        first: u32,
    },
}

/// Credentials of an HTTP step; parts usually come from `${env.X}` or `${secret.X}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAuth {
    /// User and password.
    Basic {
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
    /// `Authorization: Bearer …`.
    Bearer {
        /// The token.
        token: String,
    },
    /// A header of its own, such as `X-Api-Key`.
    Header {
        /// Name of the header.
        name: String,
        /// The key.
        value: String,
    },
}
