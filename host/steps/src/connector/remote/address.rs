//! Addresses of servers: `scheme://user[:password]@host[:port]/database`. Nothing of a URL that cannot be read is told,
//! because a password may be anywhere in it.

use host_model::StepError;
use percent_encoding::percent_decode_str;
use reqwest::Url;

/// A URL taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The database, or the service of Oracle.
    pub(crate) database: String,
    /// As declared, `sqlserver` or `mssql`.
    scheme: &'static str,
}

impl Address {
    /// Reads `url`; `password` replaces the one in it.
    ///
    /// # Errors
    /// `definition`, in words that hold nothing of the URL but its query keys.
    pub(crate) fn parse(
        url: &str,
        password: Option<&str>,
        scheme: &'static str,
        default_port: u16,
        pool: &str,
    ) -> Result<Self, StepError> {
        let refuse = |why: &str| StepError::definition(format!("pool `{pool}` has a `url` that {why}"));
        let parsed = Url::parse(url).map_err(|_| refuse("is no address of a server"))?;
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(|t| t.into_owned()).map_err(|_| refuse("holds a `%` sequence that is no text"))
        };
        if let Some((key, _)) = parsed.query_pairs().next() {
            return Err(refuse(&format!("says `{key}`, which this kind of server does not know")));
        }
        let host = decode(parsed.host_str().filter(|h| !h.is_empty()).ok_or_else(|| refuse("names no host"))?)?;
        let database = decode(parsed.path().trim_start_matches('/'))?;
        if parsed.username().is_empty() {
            return Err(refuse("names no user"));
        }
        if database.contains('/') {
            return Err(refuse("has more than one `/` behind the host"));
        }
        let given = decode(parsed.password().unwrap_or_default())?;
        Ok(Self {
            user: decode(parsed.username())?,
            password: password.map_or(given, str::to_owned),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(default_port),
            database,
            scheme,
        })
    }

    /// How messages call the database: without the password.
    pub(crate) fn label(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{}@{host}:{}/{}", self.scheme, self.user, self.port, self.database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str, password: Option<&str>) -> Result<Address, StepError> {
        Address::parse(url, password, "sqlserver", 1433, "erp")
    }

    #[test]
    fn an_address_is_taken_apart_and_its_label_hides_the_password() {
        let found = parse("mssql://sa:p%40ss@db.example/JDE_PRODUCTION", None).unwrap();
        assert_eq!((found.user.as_str(), found.password.as_str()), ("sa", "p@ss"));
        assert_eq!((found.host.as_str(), found.port, found.database.as_str()), ("db.example", 1433, "JDE_PRODUCTION"));
        assert_eq!(found.label(), "sqlserver://sa@db.example:1433/JDE_PRODUCTION");
        let six = parse("sqlserver://u@[::1]:1500/d", Some("other")).unwrap();
        assert_eq!((six.host.as_str(), six.port, six.password.as_str()), ("::1", 1500, "other"));
        assert_eq!(six.label(), "sqlserver://u@[::1]:1500/d");
    }

    #[test]
    fn a_bad_address_is_refused_without_telling_any_of_it() {
        for (url, why) in [
            ("s3cret", "is no address of a server"),
            ("sqlserver://s3cret@:1/d", "is no address of a server"),
            ("sqlserver:///s3cret", "names no host"),
            ("sqlserver://host/s3cret", "names no user"),
            ("sqlserver://u:s3cret@host/a/b", "has more than one `/` behind the host"),
            ("sqlserver://u:s3cret@host/d?instance=A", "says `instance`, which this kind of server does not know"),
            ("sqlserver://u:%ff@host/s3cret", "holds a `%` sequence that is no text"),
        ] {
            let error = parse(url, None).err().unwrap();
            assert_eq!(error.to_string(), format!("pool `erp` has a `url` that {why}"), "{url}");
        }
    }
}
