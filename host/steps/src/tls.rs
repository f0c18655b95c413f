//! Whom a TLS connection trusts: the machine's certificate authorities and, where an operator names one, those of a bundle
//! in PEM on top of them. One place for HTTP, LDAP and databases, so that a bad bundle reads the same everywhere.
//!
//! Invariant: a certificate is always verified; there is no switch that turns it off.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// Why a bundle cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// The file cannot be read.
    #[error("the CA file `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// What is between two of its markers is no PEM.
    #[error("the CA file `{}` is not in PEM: {reason}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// It has no certificate, a private key perhaps, or it is in DER.
    #[error("the CA file `{}` holds no certificate in PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// One of its certificates is not one.
    #[error("certificate {number} of the CA file `{}` cannot be used: {reason}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// The library's words.
        reason: String,
    },
    /// TLS cannot be set up at all.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

impl From<TlsError> for host_model::StepError {
    fn from(error: TlsError) -> Self {
        Self::definition(error.to_string())
    }
}

/// The machine's certificate authorities and those of `ca_file`.
///
/// # Errors
/// [`TlsError`], which names the file. A machine without authorities of its own is no error.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = native_roots().clone();
    let Some(path) = ca_file else { return Ok(roots) };
    for (at, certificate) in certificates(path)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| TlsError::BadCertificate {
            path: path.to_owned(),
            number: at + 1,
            reason: error.to_string(),
        })?;
    }
    Ok(roots)
}

/// The settings of a client that shows no certificate of its own and trusts [`roots`].
///
/// # Errors
/// Those of [`roots`].
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots(ca_file)?).with_no_client_auth()))
}

/// Every certificate of a bundle; other sections, such as keys, are passed over.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    let read: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&text).collect();
    let read = read.map_err(|error| TlsError::NotPem { path: path.to_owned(), reason: error.to_string() })?;
    if read.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned() });
    }
    Ok(read)
}

/// Read once: on some machines that takes a tenth of a second.
fn native_roots() -> &'static RootCertStore {
    static NATIVE: OnceLock<RootCertStore> = OnceLock::new();
    NATIVE.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a certificate authority of this machine cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(found.certs);
        if ignored > 0 {
            tracing::debug!(ignored, "certificate authorities of this machine that cannot be used");
        }
        roots
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> rcgen::Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(&key).unwrap()
    }

    #[test]
    fn a_bundle_is_added_to_what_the_machine_trusts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        std::fs::write(&path, format!("# ours\n{}{key}{}", authority().pem(), authority().pem())).unwrap();
        let native = roots(None).unwrap().len();
        assert_eq!(roots(Some(&path)).unwrap().len(), native + 2);
        client_config(Some(&path)).unwrap();
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let why = || roots(Some(&path)).unwrap_err().to_string();
        let name = format!("`{}`", path.display());
        assert!(why().starts_with(&format!("the CA file {name} cannot be read: ")), "{}", why());
        std::fs::write(&path, "no certificate").unwrap();
        assert_eq!(why(), format!("the CA file {name} holds no certificate in PEM"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n").unwrap();
        assert!(why().starts_with(&format!("the CA file {name} is not in PEM: ")), "{}", why());
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(why().starts_with(&format!("certificate 1 of the CA file {name} cannot be used: ")), "{}", why());
    }
}
