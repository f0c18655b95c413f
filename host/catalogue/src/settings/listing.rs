//! Every setting as a row: what counts, who said so, which variable may say otherwise. What could hold a password is told
//! without it.

use host_model::Json;
use host_model::connector::PoolAddress;
use serde_json::json;

use super::{Origin, Setting, Settings};

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingEntry {
    /// As in `app.toml`: `jobs.history_days`.
    pub key: &'static str,
    /// What counts.
    pub value: Json,
    /// Who said so.
    pub origin: Origin,
}

/// Those that the page may write into the file: switches and whole numbers that no other machine has to agree with.
const CHANGEABLE: [&str; 5] = [
    "jobs.scheduler_enabled",
    "jobs.history_days",
    "jobs.max_concurrent_runs",
    "server.drain_seconds",
    "audit.keep_days",
];

impl SettingEntry {
    /// Whether it may be written into the file from outside.
    pub fn is_changeable(&self) -> bool {
        CHANGEABLE.contains(&self.key)
    }

    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        format!("NOMAFLOW_{}", self.key.replace('.', "_").to_ascii_uppercase())
    }
}

fn entry<T>(key: &'static str, setting: &Setting<T>, value: impl Fn(&T) -> Json) -> SettingEntry {
    SettingEntry { key, value: value(&setting.value), origin: setting.origin.clone() }
}

fn plain<T: Clone + Into<Json>>(key: &'static str, setting: &Setting<T>) -> SettingEntry {
    entry(key, setting, |value| value.clone().into())
}

/// Where the store is, without credentials.
fn place(address: &PoolAddress) -> Json {
    let url = match address {
        PoolAddress::Sqlite { path } => return format!("sqlite:{}", path.display()).into(),
        PoolAddress::Postgres { url, .. }
        | PoolAddress::MySql { url, .. }
        | PoolAddress::Oracle { url, .. }
        | PoolAddress::SqlServer { url, .. } => url.reveal(),
        // The parts of its string that are no secret differ from driver to driver.
        PoolAddress::Odbc { .. } => return "odbc".into(),
    };
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // A password may hold any sign, so all up to the last `@` goes.
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}").into()
}

impl Settings {
    /// All of them, in the order of the documentation. A table of names counts as one.
    pub fn list(&self) -> Vec<SettingEntry> {
        let python = &self.python;
        vec![
            entry("server.listen", &self.listen, |address| address.to_string().into()),
            entry("server.role", &self.role, |role| role.as_str().into()),
            plain("server.labels", &self.labels),
            plain("server.drain_seconds", &self.drain_seconds),
            plain("server.watch", &self.watch),
            entry("server.metrics", &self.metrics, |metrics| metrics.as_str().into()),
            plain("server.public_url", &self.public_url),
            entry("server.trusted_proxies", &self.trusted_proxies, |proxies| proxies.texts().into()),
            entry("store.url", &self.store, place),
            plain("jobs.scheduler_enabled", &self.scheduler_enabled),
            plain("jobs.history_days", &self.history_days),
            plain("jobs.max_concurrent_runs", &self.max_concurrent_runs),
            entry("jobs.apps_dir", &self.apps_dir, |dir| dir.as_ref().map(|dir| dir.display().to_string()).into()),
            plain("audit.keep_days", &self.audit_days),
            plain("auth.access_minutes", &self.auth.access_minutes),
            plain("auth.refresh_days", &self.auth.refresh_days),
            plain("auth.password_min_length", &self.auth.password_min_length),
            plain("auth.tries_per_minute", &self.auth.tries_per_minute),
            plain("notifications.group_seconds", &self.notifications.group_seconds),
            plain("notifications.retry_seconds", &self.notifications.retry_seconds),
            plain("notifications.give_up_hours", &self.notifications.give_up_hours),
            plain("python.interpreter", &python.interpreter),
            plain("python.workers", &python.workers),
            plain("python.memory_mb", &python.memory_mb),
            plain("python.recycle_steps", &python.recycle_steps),
            plain("python.recycle_memory_mb", &python.recycle_memory_mb),
            entry("python.apps", &python.apps, |apps| json!(apps)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use host_model::connector::Hidden;

    use super::*;

    #[test]
    fn a_store_is_told_without_its_credentials() {
        for (url, expected) in [
            ("postgres://bob:p@ss@db:5432/ops?password=x", "postgres://db:5432/ops"),
            ("postgres://db/ops", "postgres://db/ops"),
        ] {
            let address = PoolAddress::Postgres { url: Hidden::new(url), password: Some(Hidden::new("x")) };
            assert_eq!(place(&address), expected);
        }
    }

    #[test]
    fn every_setting_names_its_variable_and_its_origin() {
        let home = std::env::temp_dir();
        let env = |name: &str| (name == "NOMAFLOW_JOBS_HISTORY_DAYS").then(|| "7".to_owned());
        let loaded = crate::load_settings(&home, &env, &crate::Flags::default());
        let listed = loaded.settings.list();
        let days = listed.iter().find(|entry| entry.key == "jobs.history_days").unwrap();
        assert_eq!((&days.value, days.variable().as_str()), (&json!(7), "NOMAFLOW_JOBS_HISTORY_DAYS"));
        assert_eq!(days.origin, Origin::Env("NOMAFLOW_JOBS_HISTORY_DAYS".to_owned()));
        assert!(listed.iter().any(|entry| entry.origin == Origin::Default));
    }
}
