//! Reads the store's URL and writes it back without its password. Nothing is opened here.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;

use crate::error::OpenError;

/// Where a store is.
#[derive(Debug)]
pub(crate) enum Target {
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Postgres {
        /// How to connect.
        options: Box<PgConnectOptions>,
        /// The URL as it may be shown.
        shown: String,
    },
}

impl Target {
    pub(crate) fn parse(url: &str, home: &Path) -> Result<Self, OpenError> {
        let invalid = |why: String| OpenError::InvalidUrl { url: mask_password(url), why };
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() {
                return Err(invalid("it names no file".to_owned()));
            }
            if path.starts_with(':') || path.starts_with("file:") {
                return Err(invalid("a store in memory would forget every run".to_owned()));
            }
            if path.contains('?') {
                return Err(invalid("options after `?` are not supported".to_owned()));
            }
            return Ok(Self::Sqlite(home.join(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(|error| match error {
                sqlx::Error::Configuration(why) => invalid(why.to_string()),
                other => invalid(other.to_string()),
            })?;
            return Ok(Self::Postgres { options: Box::new(options), shown: mask_password(url) });
        }
        let scheme = url.split(':').next().unwrap_or_default();
        Err(invalid(match scheme {
            "mysql" | "mariadb" | "oracle" | "mssql" => format!("a store on `{scheme}` is not supported"),
            _ => "it starts neither with `sqlite:` nor with `postgres://`".to_owned(),
        }))
    }
}

/// Replaces every password in `url` by `***`. Errs on the side of hiding too much: a password with an unescaped `@`,
/// `/` or `?` makes the URL wrong, but must still not be shown.
pub(crate) fn mask_password(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let masked = match rest.rsplit_once('@') {
        Some((login, place)) => match login.split_once(':') {
            Some((user, _)) => format!("{scheme}{user}:***@{place}"),
            None => format!("{scheme}{login}@{place}"),
        },
        None => format!("{scheme}{rest}"),
    };
    match masked.split_once("password=") {
        Some((before, after)) => {
            let tail = after.split_once('&').map(|(_, tail)| format!("&{tail}")).unwrap_or_default();
            format!("{before}password=***{tail}")
        }
        None => masked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_path_is_relative_to_the_home() {
        for (url, expected) in [
            ("sqlite:data/n.db", "/home/x/data/n.db"),
            ("sqlite://data/n.db", "/home/x/data/n.db"),
            ("sqlite:/var/n.db", "/var/n.db"),
            ("sqlite:///var/n.db", "/var/n.db"),
        ] {
            match Target::parse(url, Path::new("/home/x")) {
                Ok(Target::Sqlite(path)) => assert_eq!(path, Path::new(expected), "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (url, part) in [
            ("sqlite:", "names no file"),
            ("sqlite::memory:", "in memory"),
            ("sqlite:x.db?mode=ro", "options"),
            ("mysql://u:secret@h/d", "`mysql` is not supported"),
            ("data/n.db", "neither"),
            ("", "neither"),
        ] {
            let error = Target::parse(url, Path::new("/")).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(part), "{url}: {message}");
            assert!(!message.contains("secret"), "{message}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            ("postgres://u:secret@h:5432/d", "postgres://u:***@h:5432/d"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://h:5432/d", "postgres://h:5432/d"),
            ("postgres://u:sec@ret@h/d", "postgres://u:***@h/d"),
            ("postgres://u:sec/ret?@h/d", "postgres://u:***@h/d"),
            (
                "postgres://h/d?user=u&password=secret&sslmode=require",
                "postgres://h/d?user=u&password=***&sslmode=require",
            ),
            ("sqlite:data/n.db", "sqlite:data/n.db"),
        ] {
            assert_eq!(mask_password(url), expected);
        }
    }
}
