//! What the API may ask of the process and the machine it is on: free space, the last lines of its own log, and a last look
//! at what leaves the house, so that no secret known here goes with it.

use std::path::PathBuf;
use std::sync::Arc;

use host_model::Json;
use host_model::care::{HostDesk, RecentLog};
use host_model::connector::{ConnectorSet, Hidden, PoolAddress};
use host_steps::ConnectorPools;

use crate::home::Home;
use crate::telemetry;
use crate::vault::book::SecretBook;

/// What stands in the place of a secret.
const MASK: &str = "********";
/// A secret that is shorter is a word like others, and would mask half of everything.
const SHORTEST: usize = 6;

/// The surroundings of one home.
pub(crate) struct Surroundings {
    data: PathBuf,
    secrets: Arc<SecretBook>,
    pools: Arc<ConnectorPools>,
    /// Opens everything.
    token: String,
}

impl Surroundings {
    pub(crate) fn new(home: &Home, secrets: &Arc<SecretBook>, pools: &Arc<ConnectorPools>, token: &str) -> Self {
        let (secrets, pools) = (secrets.clone(), pools.clone());
        Self { data: home.path().join("data"), secrets, pools, token: token.to_owned() }
    }

    /// Every text that may not go out, the longest first: a secret may be a part of another.
    fn secrets(&self) -> Vec<String> {
        let mut all = self.secrets.values();
        all.push(self.token.clone());
        all.extend(of_connectors(&self.pools.declared()));
        all.retain(|text| text.chars().count() >= SHORTEST);
        all.sort_by_key(|text| std::cmp::Reverse(text.len()));
        all.dedup();
        all
    }
}

impl HostDesk for Surroundings {
    fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(&self.data).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn recent_log(&self) -> RecentLog {
        telemetry::recent_log()
    }

    fn conceal(&self, told: &mut Json) {
        mask(told, &self.secrets());
    }
}

fn of_connectors(set: &ConnectorSet) -> Vec<String> {
    let mut all = Vec::new();
    for pool in set.pools.values() {
        let (url, password) = match &pool.address {
            PoolAddress::Sqlite { .. } => continue,
            PoolAddress::Odbc { text, password } => {
                all.extend(word_of(text.reveal()));
                (None, password)
            }
            PoolAddress::Postgres { url, password }
            | PoolAddress::MySql { url, password }
            | PoolAddress::Oracle { url, password }
            | PoolAddress::SqlServer { url, password } => (Some(url), password),
        };
        all.extend(password.as_ref().map(|password| password.reveal().to_owned()));
        // As it is written, and as it is meant.
        let written = url.and_then(|url| reqwest::Url::parse(url.reveal()).ok());
        if let Some(written) = written.as_ref().and_then(reqwest::Url::password) {
            all.push(written.to_owned());
            all.push(percent_encoding::percent_decode_str(written).decode_utf8_lossy().into_owned());
        }
    }
    let directories = set.directories.values().filter_map(|directory| directory.password.as_ref());
    all.extend(directories.map(|password: &Hidden| password.reveal().to_owned()));
    all
}

/// `PWD=…` of a connection string of ODBC.
fn word_of(text: &str) -> Option<String> {
    let parts = text.split(';').filter_map(|part| part.split_once('='));
    let mut found = parts.filter(|(key, _)| ["pwd", "password"].contains(&key.trim().to_lowercase().as_str()));
    found.next().map(|(_, value)| value.trim().trim_matches(['{', '}']).to_owned())
}

fn mask(told: &mut Json, secrets: &[String]) {
    match told {
        Json::String(text) => {
            for secret in secrets {
                if text.contains(secret.as_str()) {
                    *text = text.replace(secret.as_str(), MASK);
                }
            }
        }
        Json::Array(all) => all.iter_mut().for_each(|each| mask(each, secrets)),
        Json::Object(map) => map.iter_mut().for_each(|(_, each)| mask(each, secrets)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands_and_the_longer_one_first() {
        let mut told = json!({ "a": ["x s3cret-long y", 5, null], "b": { "c": "s3cret, s3cret" }, "d": true });
        mask(&mut told, &["s3cret-long".to_owned(), "s3cret".to_owned()]);
        let masked = json!({ "a": ["x ******** y", 5, null], "b": { "c": "********, ********" }, "d": true });
        assert_eq!(told, masked);
    }

    #[test]
    fn passwords_of_every_kind_of_address_are_known() {
        assert_eq!(word_of("DSN=x;UID=u;PWD={open me};Port=1").as_deref(), Some("open me"));
        assert_eq!(word_of("DSN=x"), None);
    }
}
