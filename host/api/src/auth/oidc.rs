//! What the API asks of a provider of OpenID Connect: where to send the browser, and who it was that came back. Who talks
//! to the provider, and checks what it signs, is in the crate that assembles everything.

use async_trait::async_trait;
use host_model::account::Vouched;

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
    async fn finish(&self, code: &str, issuer: Option<&str>, attempt: &OidcAttempt) -> Result<Vouched, OidcError>;
}
