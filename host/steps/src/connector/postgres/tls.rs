//! Encryption of connections to PostgreSQL: what the keys of a pool ask of the driver, and what a connection that fails
//! over it needs. The driver's own words name neither the pool nor a way out.
//!
//! `tls` wins over `?sslmode=` of the URL, `ca_file` over `?sslrootcert=`; where neither is said the driver prefers TLS.

use std::path::PathBuf;

use host_model::connector::{Pool, TlsMode};
use rustls::CertificateError;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::connector::dial::closed_when_asked_for_tls;

/// What is asked for, for messages.
pub(super) struct Tls {
    pool: String,
    mode: PgSslMode,
    ca_file: Option<PathBuf>,
}

impl Tls {
    /// Adds the keys of the pool to what the URL said.
    pub(super) fn of(pool: &Pool, options: PgConnectOptions) -> (Self, PgConnectOptions) {
        let mode = match pool.tls.mode {
            None => options.get_ssl_mode(),
            Some(TlsMode::Disable) => PgSslMode::Disable,
            Some(TlsMode::Prefer) => PgSslMode::Prefer,
            Some(TlsMode::Require) => PgSslMode::Require,
            Some(TlsMode::VerifyCa) => PgSslMode::VerifyCa,
            Some(TlsMode::VerifyFull) => PgSslMode::VerifyFull,
        };
        let options = options.ssl_mode(mode);
        let options = match &pool.tls.ca_file {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        };
        (Self { pool: pool.name.clone(), mode, ca_file: pool.tls.ca_file.clone() }, options)
    }

    /// Why no connection came about, and what the operator can do.
    pub(super) fn explain(&self, error: &sqlx::Error) -> String {
        let pool = &self.pool;
        match error {
            sqlx::Error::Database(refusal) => {
                let said = refusal.message();
                // "no pg_hba.conf entry …": the only refusal that asking for TLS can change.
                match refusal.code().as_deref() {
                    Some("28000") if matches!(self.mode, PgSslMode::Disable | PgSslMode::Allow) => {
                        format!(
                            "{said}; pool `{pool}` does not use TLS: set `tls = \"require\"` if the server wants it"
                        )
                    }
                    _ => said.to_owned(),
                }
            }
            sqlx::Error::Io(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(fault) => self.handshake(fault),
                None => self.missing_file().unwrap_or_else(|| io.to_string()),
            },
            // The driver has one sentence here for a server without TLS; the others are about the file.
            sqlx::Error::Tls(inner) if inner.to_string().contains("does not support TLS") => format!(
                "the server offers no TLS, and pool `{pool}` insists on it; turn it on in the server (`ssl = on`) or set \
                 `tls = \"prefer\"`"
            ),
            sqlx::Error::Tls(inner) => self.missing_file().unwrap_or_else(|| format!("TLS of pool `{pool}`: {inner}")),
            other if closed_when_asked_for_tls(other) => "the server closed the connection".to_owned(),
            other => other.to_string(),
        }
    }

    fn handshake(&self, fault: &rustls::Error) -> String {
        let pool = &self.pool;
        let rustls::Error::InvalidCertificate(why) = fault else {
            return format!("TLS of pool `{pool}`: {fault}");
        };
        match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
                "the server's certificate is for another host name ({why}); connect by the name it has, or set \
                 `tls = \"verify-ca\"` in pool `{pool}` to leave the name unchecked"
            ),
            CertificateError::UnknownIssuer => {
                let do_this = match &self.ca_file {
                    Some(file) => format!("`{}` of pool `{pool}` is not the authority that signed it", file.display()),
                    None => format!("name the file of its authority as `ca_file` of pool `{pool}`"),
                };
                format!("nobody who is trusted here signed the server's certificate; {do_this}")
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("the server's certificate has expired ({why}); the server needs a new one (pool `{pool}`)")
            }
            other if other.to_string().contains("CaUsedAsEndEntity") => format!(
                "the server's certificate is that of an authority (`CA:TRUE`), which is accepted for no server; have it sign \
                 one for the server, or set `tls = \"require\"` in pool `{pool}` to encrypt without knowing who answers"
            ),
            other => format!(
                "the server's certificate is not accepted ({other}); the server needs another one, or set \
                 `tls = \"require\"` in pool `{pool}` to encrypt without knowing who answers"
            ),
        }
    }

    /// The file was there when the configuration was checked.
    fn missing_file(&self) -> Option<String> {
        let file = self.ca_file.as_ref()?;
        let error = std::fs::metadata(file).err()?;
        Some(format!("`ca_file` of pool `{}`, `{}`, cannot be read: {error}", self.pool, file.display()))
    }
}
