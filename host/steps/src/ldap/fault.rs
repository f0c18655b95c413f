//! What goes wrong with a directory, in the words of the port. Messages name connector and address, never an account's
//! password.

use host_model::plugin_port::{ServiceError, ServiceErrorKind};
use ldap3::{LdapError, LdapResult};

use crate::tls::TlsError;

/// Who is spoken to, for messages.
pub(super) struct Fault {
    /// ``LDAP connector `people` (ldaps://host)``.
    pub(super) who: String,
}

impl Fault {
    fn error(&self, kind: ServiceErrorKind, what: &str) -> ServiceError {
        ServiceError::new(kind, format!("{}: {what}", self.who))
    }

    /// No connection.
    pub(super) fn connecting(&self, error: &LdapError) -> ServiceError {
        self.error(ServiceErrorKind::Unavailable, &format!("no connection: {}", words(error)))
    }

    /// What became of the settings of TLS.
    pub(super) fn encrypting<T>(&self, set: Result<T, TlsError>) -> Result<T, ServiceError> {
        set.map_err(|error| self.error(ServiceErrorKind::Invalid, &error.to_string()))
    }

    /// What became of the bind.
    pub(super) fn bound(&self, account: &str, bound: Result<LdapResult, LdapError>) -> Result<(), ServiceError> {
        match bound {
            Ok(result) if result.rc == 0 => Ok(()),
            Ok(result) => {
                let what = format!("the server refuses the account `{account}`: {}", described(&result));
                Err(self.error(ServiceErrorKind::Unavailable, &what))
            }
            Err(error) => Err(self.connecting(&error)),
        }
    }

    /// A search that got no answer.
    pub(super) fn searching(&self, error: &LdapError) -> ServiceError {
        match error {
            LdapError::FilterParsing => self.error(ServiceErrorKind::Invalid, "the filter is malformed"),
            LdapError::Timeout { .. } => self.error(ServiceErrorKind::Timeout, "the server did not answer in time"),
            LdapError::LdapResult { result } => self.refused(result, ""),
            other => self.error(ServiceErrorKind::Unavailable, &format!("the connection broke off: {}", words(other))),
        }
    }

    /// The result code of a search.
    pub(super) fn answered(&self, result: &LdapResult, base: &str) -> Result<(), ServiceError> {
        match result.rc {
            // A referral is no entry; the search keeps where it leads.
            0 | 10 => Ok(()),
            _ => Err(self.refused(result, base)),
        }
    }

    fn refused(&self, result: &LdapResult, base: &str) -> ServiceError {
        use ServiceErrorKind as K;
        let (kind, what) = match result.rc {
            3 => (K::Timeout, "the server took too long".to_owned()),
            4 | 11 => (K::Limit, "the result is larger than the server gives".to_owned()),
            18 | 21 => (K::Invalid, "the filter does not fit the server's schema".to_owned()),
            32 => (K::NotFound, format!("there is no entry `{base}`")),
            34 => (K::Invalid, format!("`{base}` is no distinguished name")),
            51 | 52 => (K::Unavailable, "the server is busy or unavailable".to_owned()),
            _ => (K::Remote, "the server refuses the search".to_owned()),
        };
        self.error(kind, &format!("{what}: {}", described(result)))
    }
}

fn described(result: &LdapResult) -> String {
    // "rc=49 (invalidCredentials), dn: \"\", text: \"\"" says the same with more noise.
    let code = result.to_string();
    let code = code.split(", dn:").next().unwrap_or_default().trim_start_matches("rc=").to_owned();
    if result.text.is_empty() { code } else { format!("{code}, {}", result.text) }
}

fn words(error: &LdapError) -> String {
    match error {
        LdapError::Io { source } => source.to_string(),
        other => other.to_string(),
    }
}
