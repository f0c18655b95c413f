//! What both ways to Oracle share, the driver in Rust and the one in Python: how an address becomes a connect string, and
//! the settings of a session.

use host_model::StepError;
use host_model::connector::{Pool, PoolTls, TlsMode};

use super::address::Address;

/// Text that stands for a number or a date is read by these, whatever the machine's own settings are.
pub(crate) const SPELLING: &str = "alter session set nls_numeric_characters = '.,' \
     nls_date_format = 'YYYY-MM-DD HH24:MI:SS' nls_timestamp_format = 'YYYY-MM-DD HH24:MI:SS.FF' \
     nls_timestamp_tz_format = 'YYYY-MM-DD HH24:MI:SS.FF TZH:TZM'";

/// Where a service is.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// `tcps://host:2484/service`.
    pub(crate) connect: String,
    /// The folder with the authorities to trust.
    pub(crate) wallet: Option<String>,
}

impl Target {
    /// # Errors
    /// `definition` for a URL or a `ca_file` that cannot be used.
    pub(crate) fn of(url: &str, password: Option<&str>, pool: &Pool) -> Result<Self, StepError> {
        let is_encrypted = is_encrypted(&pool.tls);
        // The registered ports of the listener, without and with TLS.
        let port = if is_encrypted { 2484 } else { 1521 };
        let address = Address::parse(url, password, "oracle", port, &pool.name)?;
        let refuse = |why: &str| StepError::definition(format!("pool `{}` {why}", pool.name));
        if address.database.is_empty() {
            return Err(refuse("has a `url` that names no service"));
        }
        // Anything else would be read as a part of the description around it.
        if !address.database.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '$' | '#')) {
            return Err(refuse("has a `url` whose service is no name"));
        }
        let protocol = if is_encrypted { "tcps" } else { "tcp" };
        let host = if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
        let connect = format!("{protocol}://{host}:{}/{}", address.port, address.database);
        let wallet = match pool.tls.ca_file.as_ref().filter(|_| is_encrypted) {
            None => None,
            Some(file) => {
                let folder = file.parent().filter(|_| file.file_name().is_some_and(|name| name == "ewallet.pem"));
                let folder =
                    folder.ok_or_else(|| refuse("has a file of authorities that is not called `ewallet.pem`"))?;
                Some(folder.display().to_string())
            }
        };
        Ok(Self { address, connect, wallet })
    }
}

/// The listener has a port for TLS and one without; there is nothing to negotiate, and the drivers always verify.
fn is_encrypted(tls: &PoolTls) -> bool {
    matches!(tls.mode, Some(TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull))
}
