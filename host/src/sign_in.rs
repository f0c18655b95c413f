//! Who vouches for people beside this server: providers of OpenID Connect and directories, from `[auth]` of the settings to
//! the ports of the API. Which account and session come of it is the API's business.

mod directory;
mod id_token;
mod oidc;

use std::sync::Arc;
use std::time::Duration;

use host_api::auth::{AuthRules, OidcProvider, PasswordSource, Provider};
use host_catalogue::{Settings, load_sign_in};
use host_model::account::AccountSource;
use host_model::diagnostic::Severity;

use self::directory::DirectoryPasswords;
use self::oidc::Oidc;
use crate::home::{Home, env};
use crate::vault::book::SecretBook;

/// How long sessions last and what passwords must be.
pub(crate) fn auth_rules(settings: &Settings) -> AuthRules {
    let auth = &settings.auth;
    AuthRules {
        access: Duration::from_secs(60 * u64::from(auth.access_minutes.value)),
        refresh: Duration::from_secs(24 * 3600 * u64::from(auth.refresh_days.value)),
        password_min_length: auth.password_min_length.value as usize,
        tries_per_minute: auth.tries_per_minute.value,
    }
}

/// What the API is given.
#[derive(Default)]
pub(crate) struct Vouchers {
    pub(crate) oidc: Vec<Arc<dyn OidcProvider>>,
    pub(crate) directories: Vec<Arc<dyn PasswordSource>>,
    /// How the sign-in page shows them.
    pub(crate) shown: Vec<Provider>,
}

/// Reads the providers of a home. One that cannot be used is left out with a line in the log: the others, and the local
/// accounts, go on.
pub(crate) fn vouchers(home: &Home, secrets: &SecretBook) -> Vouchers {
    let (settings, found) = load_sign_in(home.path(), &env, secrets);
    for finding in found.iter().filter(|finding| finding.severity == Severity::Error) {
        tracing::error!("{}:{}:{}: {}", finding.file, finding.line, finding.column, finding.message);
    }
    let mut vouchers = Vouchers::default();
    for settings in settings.oidc {
        let provider = settings.provider.clone();
        match Oidc::new(settings) {
            Ok(oidc) => vouchers.oidc.push(Arc::new(oidc)),
            Err(error) => {
                tracing::error!(provider = provider.name, error, "a provider is left out");
                continue;
            }
        }
        vouchers.shown.push(Provider {
            start: Some(format!("/auth/oidc/{}/start", provider.name)),
            name: provider.name,
            kind: AccountSource::Oidc,
            label: provider.label,
        });
    }
    for settings in settings.ldap {
        let (name, label) = (settings.provider.name.clone(), settings.provider.label.clone());
        vouchers.shown.push(Provider { name, kind: AccountSource::Ldap, label, start: None });
        vouchers.directories.push(Arc::new(DirectoryPasswords::new(settings)));
    }
    vouchers
}
