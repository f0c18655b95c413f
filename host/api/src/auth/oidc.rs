//! What the API asks of a provider of OpenID Connect: where to send the browser, and who it was that came back. Who talks
//! to the provider, and checks what it signs, is in the crate that assembles everything.

use async_trait::async_trait;
use axum::http::{HeaderMap, header};
use host_model::account::Vouched;

use crate::below::Below;
use crate::error::ApiError;

/// One try to sign in, from the redirect to the provider to the way back. It lives in a cookie of the browser that made
/// it, so that whatever process of ours answers next knows it, and no other browser can end it.
#[derive(Clone, PartialEq, Eq)]
pub struct OidcAttempt {
    /// Comes back with the browser.
    pub state: String,
    /// Comes back inside the id token.
    pub nonce: String,
    /// Proves to the provider that whoever brings the code is who asked for it (PKCE).
    pub verifier: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
}

impl std::fmt::Debug for OidcAttempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcAttempt").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// Why nobody is signed in; the text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// The provider cannot be asked.
    #[error("{0}")]
    Unavailable(String),
    /// What came back does not prove who it is.
    #[error("{0}")]
    Refused(String),
    /// It is proven who it is, and the settings do not let them in.
    #[error("{0}")]
    NotAllowed(String),
}

/// A provider of OpenID Connect.
#[async_trait]
pub trait OidcProvider: Send + Sync + 'static {
    /// Its name in the settings.
    fn name(&self) -> &str;
    /// The address under which browsers know this server, when the settings say it.
    fn external_url(&self) -> Option<&str>;
    /// Where to send the browser.
    ///
    /// # Errors
    /// The provider cannot be asked.
    async fn begin(&self, attempt: &OidcAttempt) -> Result<String, OidcError>;
    /// Who came back with `code`. `issuer` is what the browser says of the provider it comes from (RFC 9207).
    ///
    /// # Errors
    /// See [`OidcError`].
    async fn finish(&self, code: &str, issuer: Option<&str>, attempt: &OidcAttempt) -> Result<Proven, OidcError>;
    /// Where to send the browser to sign out at the provider, which sends it on to `back` with `state`; `None` when the
    /// provider has no such address. `id_token` is the one of the sign-in, where it is known.
    ///
    /// # Errors
    /// The provider cannot be asked.
    async fn sign_out(&self, id_token: Option<&str>, back: &str, state: &str) -> Result<Option<String>, OidcError>;
}

/// Somebody who came back from a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct Proven {
    /// Who it is here.
    pub vouched: Vouched,
    /// What the provider signed; it wants to see it again when the person signs out.
    pub id_token: String,
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proven").field("vouched", &self.vouched).finish_non_exhaustive()
    }
}

/// How browsers reach this server, without a slash at the end. A provider knows our addresses and refuses any other, so that
/// the header of a request may be believed here.
pub(crate) fn base_of(provider: &dyn OidcProvider, headers: &HeaderMap, below: &Below) -> Result<String, ApiError> {
    if let Some(url) = provider.external_url() {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.ok_or_else(|| ApiError::invalid("the request names no host"))?;
    Ok(format!("http://{host}{}", below.path()))
}
