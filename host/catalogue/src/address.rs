//! Reads the address of a database: `sqlite:<path>` or `postgres://…`, `mysql://…` and so on, with environment references filled in. Messages
//! name the scheme, never the rest of the URL, which may hold a password.

use std::ops::Range;
use std::path::Path;

use host_model::connector::{Dialect, Hidden, PoolAddress};
use host_model::template::{Part, Token, parse};

use crate::finding::Findings;
use crate::reader::{Table, Text};

/// Reads an environment variable.
pub type EnvReader<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What becomes of a secret that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Here it is.
    Found(String),
    /// There is none of this name.
    Missing,
    /// The store was not asked: the file is only checked, nothing is connected to.
    Unasked,
}

/// Opens secrets for the files that name them.
pub trait SecretReader {
    /// The secret behind `${secret.NAME}`.
    fn find(&self, name: &str) -> Lookup;

    /// The text in `ENC:…`.
    ///
    /// # Errors
    /// Why it stays closed, in words.
    fn unseal(&self, sealed: &str) -> Result<String, String>;
}

/// What references in a file are filled in with.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) variables: &'a EnvReader<'a>,
    pub(crate) secrets: Option<&'a dyn SecretReader>,
}

impl Env<'_> {
    /// An environment variable.
    pub(crate) fn var(&self, name: &str) -> Option<String> {
        (self.variables)(name)
    }

    /// A secret, if somebody can open any.
    pub(crate) fn secret(&self, name: &str) -> Lookup {
        self.secrets.map_or(Lookup::Unasked, |secrets| secrets.find(name))
    }
}

/// Why a URL is refused, and what to do.
pub(crate) struct AddressError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// The `url` and `password` keys of `table`; `None` when `url` is absent or wrong.
pub(crate) fn read_address(
    table: &mut Table<'_, '_>,
    home: &Path,
    env: &Env<'_>,
    allowed: &[Dialect],
    out: &mut Findings,
) -> Option<PoolAddress> {
    let url = table.filled_text("url", out);
    let password = table.text("password", out);
    let secret = password.as_ref().and_then(|text| match substitute(text, env, out) {
        Filled::Text(text) => Some(Hidden::new(text)),
        Filled::Unset { name, place } => {
            let message = format!("the environment variable `{name}` is not set, so there is no password");
            out.warning("unset-variable", place, message, Some(format!("set `{name}` for the server")));
            None
        }
        Filled::Wrong => None,
    });
    let url = url?;
    if url.value.starts_with("${secret.") {
        let message = format!("`url` of {} begins with a secret, so nobody can tell what it is", table.what);
        let hint = "write the scheme in the file: `postgres://${secret.NAME}`".to_owned();
        out.error("not-allowed", url.span, message, Some(hint));
        return None;
    }
    let filled = fill(&url, env, out)?;
    match parse_address(&filled, secret, home, allowed) {
        Ok(PoolAddress::Sqlite { path }) => {
            if let Some(password) = password {
                let message = format!("{} has a `password`, but a SQLite file has none", table.what);
                out.error("conflict", password.span, message, None);
            }
            Some(PoolAddress::Sqlite { path })
        }
        Ok(address) => Some(address),
        Err(error) => {
            out.error(error.code, url.span, format!("`url` of {}: {}", table.what, error.message), Some(error.hint));
            None
        }
    }
}

/// `text` with its environment references filled in; `None`, and a finding, when that is not possible.
pub(crate) fn fill(text: &Text, env: &Env<'_>, out: &mut Findings) -> Option<String> {
    match substitute(text, env, out) {
        Filled::Text(text) => Some(text),
        Filled::Unset { name, place } => {
            let hint = format!("set `{name}` for the server, or give a default: `${{{name}:-…}}`");
            out.error("unset-variable", place, format!("the environment variable `{name}` is not set"), Some(hint));
            None
        }
        Filled::Wrong => None,
    }
}

/// Where Nomaflow keeps its own history.
pub(crate) const STORES: [Dialect; 2] = [Dialect::Sqlite, Dialect::Postgres];

/// Reads a URL without references, of one of the kinds in `allowed`.
pub(crate) fn parse_address(
    url: &str,
    password: Option<Hidden>,
    home: &Path,
    allowed: &[Dialect],
) -> Result<PoolAddress, AddressError> {
    let address = parse_any(url, password, home)?;
    let dialect = address.dialect();
    if allowed.contains(&dialect) {
        return Ok(address);
    }
    let words: Vec<String> = allowed.iter().map(|dialect| format!("`{}`", dialect.as_str())).collect();
    let message = format!("`{}` is not possible here", dialect.as_str());
    Err(AddressError { code: "not-allowed", message, hint: format!("possible are {}", words.join(" and ")) })
}

fn parse_any(url: &str, password: Option<Hidden>, home: &Path) -> Result<PoolAddress, AddressError> {
    let refuse = |code, message: String, hint: &str| Err(AddressError { code, message, hint: hint.to_owned() });
    let examples = "write `sqlite:data/name.db` or `postgres://user@host:5432/database`";
    let Some((scheme, rest)) = url.split_once(':') else {
        return refuse("not-allowed", "there is no scheme".into(), examples);
    };
    match scheme {
        "sqlite" => {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path == ":memory:" || path.ends_with('/') {
                return refuse("not-allowed", "a SQLite database is a file".into(), "write `sqlite:data/name.db`");
            }
            if path.contains('?') {
                return refuse("not-allowed", "options after `?` are not read".into(), "use the keys of the table");
            }
            Ok(PoolAddress::Sqlite { path: home.join(path) })
        }
        "postgres" | "postgresql" | "mysql" | "mariadb" | "oracle" | "sqlserver" | "mssql"
            if rest.trim_start_matches('/').is_empty() || !rest.starts_with("//") =>
        {
            refuse("not-allowed", "there is no host".into(), &format!("write `{scheme}://user@host/database`"))
        }
        "postgres" | "postgresql" => Ok(PoolAddress::Postgres { url: Hidden::new(url), password }),
        "mysql" | "mariadb" => Ok(PoolAddress::MySql { url: Hidden::new(format!("mysql:{rest}")), password }),
        "oracle" => Ok(PoolAddress::Oracle { url: Hidden::new(url), password }),
        "sqlserver" | "mssql" => Ok(PoolAddress::SqlServer { url: Hidden::new(format!("sqlserver:{rest}")), password }),
        "odbc" if rest.contains('=') => Ok(PoolAddress::Odbc { text: Hidden::new(rest), password }),
        "odbc" => refuse(
            "not-allowed",
            "there is no connection string".into(),
            "write `odbc:DSN=name;UID=user` or `odbc:Driver=…;Server=…`",
        ),
        "jdbc" => refuse(
            "not-allowed",
            "`jdbc:` is for Java programs".into(),
            "write `oracle://user@host:1521/service` or `sqlserver://user@host:1433/database`",
        ),
        other => {
            let shown: String = other.chars().take(20).collect();
            refuse("not-allowed", format!("unknown scheme `{shown}`"), examples)
        }
    }
}

const SEALED: &str = "ENC:";

/// What to do about a secret that does not exist.
pub(crate) fn set_secret(name: &str) -> String {
    format!("`nomaflow secret set {name}` makes it")
}

/// A value that was sealed for this file.
fn unseal(text: &Text, env: &Env<'_>, out: &mut Findings) -> Filled {
    let Some(secrets) = env.secrets else { return Filled::Text(String::new()) };
    secrets.unseal(&text.value).map_or_else(
        |why| {
            let hint = "`nomaflow secret encrypt` seals a value with the key of this home".to_owned();
            out.error("secret-closed", text.span.clone(), format!("the sealed value stays closed: {why}"), Some(hint));
            Filled::Wrong
        },
        Filled::Text,
    )
}

enum Filled {
    Text(String),
    Unset { name: String, place: Range<usize> },
    Wrong,
}

/// Fills in `${env.X}` and `${NAME:-default}`; any other token is refused.
fn substitute(text: &Text, env: &Env<'_>, out: &mut Findings) -> Filled {
    if text.value.trim_start().starts_with(SEALED) {
        return unseal(text, env, out);
    }
    let parts = match parse(&text.value) {
        Ok(parts) => parts,
        Err(error) => {
            let place = out.file.inside_string(&text.span, &text.value, error.start..error.end);
            out.error("template-invalid", place, error.message, error.hint);
            return Filled::Wrong;
        }
    };
    let mut filled = String::new();
    for part in parts {
        let (token, start, end) = match part {
            Part::Text(plain) => {
                filled.push_str(&plain);
                continue;
            }
            Part::Token { token, start, end } => (token, start, end),
        };
        let place = out.file.inside_string(&text.span, &text.value, start..end);
        match token {
            Token::EnvOr(name, Some(default)) => {
                filled.push_str(&env.var(&name).filter(|value| !value.is_empty()).unwrap_or(default));
            }
            Token::Env(name) | Token::EnvOr(name, None) => match env.var(&name) {
                Some(value) => filled.push_str(&value),
                None => return Filled::Unset { name, place },
            },
            Token::Secret(name) => match env.secret(&name) {
                Lookup::Found(value) => filled.push_str(&value),
                // What is only checked needs something in its place.
                Lookup::Unasked => filled.push_str("secret"),
                Lookup::Missing => {
                    let hint = Some(set_secret(&name));
                    out.error("unknown-secret", place, format!("there is no secret `{name}`"), hint);
                    return Filled::Wrong;
                }
            },
            _ => {
                let message = format!("`{}` has no value here", &text.value[start..end]);
                let hint =
                    "only `${env.NAME}`, `${NAME:-default}` and `${secret.NAME}` can stand in this file".to_owned();
                out.error("template-invalid", place, message, Some(hint));
                return Filled::Wrong;
            }
        }
    }
    Filled::Text(filled)
}
