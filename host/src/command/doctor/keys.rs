//! What `nomaflow doctor` says of the key and of what is sealed with it. Neither a key nor a secret is in what it says, and no
//! key is made here.

use host_model::secret::SecretStore;

use super::{Finding, State};
use crate::vault::keys::KeyError;
use crate::vault::{Vault, book};

/// Whether there is a key, and nobody else may read it.
pub(super) fn look_at_key(vault: &Result<Vault, KeyError>) -> Finding {
    match vault {
        Ok(vault) if vault.has_key() => {
            Finding::new("keys", State::Fine, format!("the key of the secrets is in {}", vault.place()))
        }
        Ok(vault) => Finding::new(
            "keys",
            State::Fine,
            format!("there is no key yet in {}; the first secret makes one", vault.place()),
        ),
        Err(error @ KeyError::Rights { file, .. }) => {
            Finding::new("keys", State::Bad, error.to_string()).advice(format!("chmod 600 {}", file.display()))
        }
        Err(error) => Finding::new("keys", State::Bad, error.to_string())
            .advice("put back the key file that belongs to this store"),
    }
}

/// What is sealed in the store must open with the key that is here: a restored home may lack it, or have made another.
pub(super) async fn look_at_secrets(secrets: &dyn SecretStore, vault: &Vault) -> Option<Finding> {
    let all = match secrets.list_secrets().await {
        Ok(all) => all,
        Err(error) => return Some(Finding::new("keys", State::Bad, error.to_string())),
    };
    let closed = all.iter().filter(|secret| vault.unseal(&book::purpose(&secret.name), &secret.sealed).is_err());
    let closed: Vec<String> = closed.map(|secret| format!("`{}`", secret.name)).collect();
    if closed.is_empty() {
        return None;
    }
    let text = format!(
        "{} of {} stored secrets stay closed, they are sealed with another key than the one in {}: {}",
        closed.len(),
        all.len(),
        vault.place(),
        closed.join(", ")
    );
    let advice = "put the key that belongs to this store in its place; without it, set each secret again";
    Some(Finding::new("keys", State::Bad, text).advice(advice))
}
