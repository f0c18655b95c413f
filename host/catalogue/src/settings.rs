//! How this process runs: `app.toml` under the environment under flags, each value remembering where it came from (see
//! `layers`). Tables of later versions are known and their keys refused; `[limits]` is read by `limit_table`,
//! `[python]` by `python_table`, `[auth]` by `auth_table`, `[notifications]` by `notification_table`.
//!
//! Invariant: reading settings never fails; a value that cannot be used is reported and the next lower layer counts.

mod auth_table;
mod layers;
mod limit_table;
mod listing;
mod notification_table;
mod provider_table;
mod python_table;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use host_model::connector::PoolAddress;
use host_model::diagnostic::Diagnostic;
use host_model::placement::Limits;
use host_model::proxy::TrustedProxies;
use toml::de::DeTable;

pub use self::auth_table::AuthSettings;
use self::layers::{
    Layers, parse_labels, parse_listen, parse_metrics, parse_role, read_label_list, read_proxies, read_text_setting,
};
use self::limit_table::LimitedName;
pub use self::listing::SettingEntry;
pub use self::notification_table::NotificationSettings;
use self::notification_table::{parse_public_url, read_notifications};
pub use self::provider_table::{LdapSettings, LdapUser, OidcSettings, ProviderSettings, SignInProviders, load_sign_in};
pub use self::python_table::PythonSettings;
use crate::Catalogue;
use crate::address::{Env, EnvReader, STORES, parse_address, read_address};
use crate::finding::Findings;
use crate::load::{read_text, report_syntax, system_zone};
use crate::reader::{Table, entries};
use crate::source::{SourceFile, Sources};

/// What the file is called.
pub(crate) const FILE: &str = "app.toml";

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// This line of `app.toml`.
    File {
        /// From 1.
        line: u32,
    },
    /// This environment variable.
    Env(String),
    /// This flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "{FILE}:{line}"),
            Self::Env(name) => f.write_str(name),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// A value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// What counts.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It serves the page and REST, and may fire schedules.
    Server,
    /// It only takes up runs.
    Worker,
}

impl Role {
    /// The spelling in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
        }
    }
}

/// Who may read the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Nobody.
    Off,
    /// Everybody.
    Open,
    /// Whoever brings the token of a superuser.
    Token,
}

impl Metrics {
    /// Every word, as files spell it.
    const WORDS: [&'static str; 3] = ["off", "open", "token"];

    /// The spelling in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Open => "open",
            Self::Token => "token",
        }
    }
}

/// Every setting there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `[server] listen`.
    pub listen: Setting<SocketAddr>,
    /// `[server] role`.
    pub role: Setting<Role>,
    /// `[server] labels`: runs placed at one of them may come here.
    pub labels: Setting<Vec<String>>,
    /// `[server] drain_seconds`: how long running steps may go on after a stop signal.
    pub drain_seconds: Setting<u32>,
    /// `[server] watch`: whether changed files are read without being asked.
    pub watch: Setting<bool>,
    /// `[server] metrics`: who may read `/metrics`.
    pub metrics: Setting<Metrics>,
    /// `[server] trusted_proxies`: whose `X-Forwarded-For` is taken for true.
    pub trusted_proxies: Setting<TrustedProxies>,
    /// `[server] public_url`: where people find the page; links in messages begin with it.
    pub public_url: Setting<Option<String>>,
    /// `[store] url`, `password`.
    pub store: Setting<PoolAddress>,
    /// `[jobs] scheduler_enabled`: false pins this process to standby.
    pub scheduler_enabled: Setting<bool>,
    /// `[jobs] history_days`.
    pub history_days: Setting<u32>,
    /// `[jobs] max_concurrent_runs`: of this process.
    pub max_concurrent_runs: Setting<u32>,
    /// `[audit] keep_days`: how long entries of the audit trail stay; 0 is for ever.
    pub audit_days: Setting<u32>,
    /// `[jobs] apps_dir`: the folder whose sibling `plugins` holds the apps.
    pub apps_dir: Setting<Option<PathBuf>>,
    /// `[auth]`.
    pub auth: AuthSettings,
    /// `[python]`.
    pub python: PythonSettings,
    /// `[limits.connectors]`, `[limits.tags]`.
    pub limits: Limits,
    /// `[notifications]`.
    pub notifications: NotificationSettings,
}

impl Settings {
    /// The path of `public_url`, without a slash at its end: people find the page below it. Empty when there is none.
    pub fn public_path(&self) -> &str {
        let address = self.public_url.value.as_deref().and_then(|url| url.split_once("://"));
        address.and_then(|(_, rest)| Some(&rest[rest.find('/')?..])).unwrap_or_default()
    }

    /// The folder that holds one folder per app.
    pub fn plugins_dir(&self, home: &Path) -> PathBuf {
        match &self.apps_dir.value {
            Some(apps) => apps.parent().unwrap_or(apps).join("plugins"),
            None => home.join("plugins"),
        }
    }
}

/// What the command line says; `None` = the flag was not given.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`.
    pub listen: Option<String>,
    /// `--role`.
    pub role: Option<String>,
    /// Every `--label`.
    pub labels: Vec<String>,
    /// `--store-url`.
    pub store_url: Option<String>,
    /// `--scheduler-enabled`.
    pub scheduler_enabled: Option<bool>,
}

/// Settings with what was found wrong while reading them.
#[derive(Debug, Clone)]
pub struct LoadedSettings {
    /// The settings; complete whatever was wrong.
    pub settings: Settings,
    /// Findings about `app.toml`, the environment and flags.
    pub diagnostics: Vec<Diagnostic>,
    /// For drawing them.
    pub sources: Sources,
    limited: Vec<LimitedName>,
}

impl LoadedSettings {
    /// Warnings about limits of connectors and tags that `catalogue` does not have.
    pub fn check_limits(&self, catalogue: &Catalogue) -> Vec<Diagnostic> {
        limit_table::check(&self.limited, catalogue)
    }
}

/// Reads the settings of `home`. A missing `app.toml` is an empty one.
pub fn load_settings(home: &Path, env: &EnvReader<'_>, flags: &Flags) -> LoadedSettings {
    let mut diagnostics = Vec::new();
    let text = read_text(&home.join(FILE), FILE, &mut diagnostics).unwrap_or_default();
    let mut loaded = settings_of_text(&text, home, env, flags);
    diagnostics.append(&mut loaded.diagnostics);
    LoadedSettings { diagnostics, ..loaded }
}

/// The settings of `home`, were `text` its `app.toml`.
pub fn settings_of_text(text: &str, home: &Path, env: &EnvReader<'_>, flags: &Flags) -> LoadedSettings {
    let mut diagnostics = Vec::new();
    let mut sources = Sources::default();
    let file = SourceFile::new(FILE, text);
    sources.add(&file);
    let mut out = Findings::new(file);
    let (root, errors) = DeTable::parse_recoverable(text);
    let broken_lines = report_syntax(&errors, &mut out);
    let mut layers = Layers { env: Env { variables: env, secrets: None }, loose: Vec::new() };
    let mut table = Table::new("the file", root.get_ref(), 0..0);
    let mut limited = Vec::new();
    let settings = read_settings(&mut table, home, flags, &mut layers, &mut limited, &mut out);
    for later in ["secrets"] {
        for entry in table.table(later, &mut out).map(|_| ()).and(table.take(later)).into_iter() {
            for inner in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
                let what = format!("`{}` in `[{later}]`", inner.key);
                out.not_yet(inner.key_range(), &what, &format!("leave `[{later}]` empty"));
            }
        }
    }
    table.finish(&mut out);
    diagnostics.extend(out.drain().into_iter().filter(|d| d.code == "syntax" || !broken_lines.contains(&d.line)));
    diagnostics.append(&mut layers.loose);
    LoadedSettings { settings, diagnostics, sources, limited }
}

fn read_settings(
    root: &mut Table<'_, '_>,
    home: &Path,
    flags: &Flags,
    layers: &mut Layers<'_>,
    limited: &mut Vec<LimitedName>,
    out: &mut Findings,
) -> Settings {
    let empty = DeTable::new();
    let mut open = |key: &'static str, out: &mut Findings| {
        let mut table = root.table(key, out).unwrap_or_else(|| Table::new("", &empty, 0..0));
        table.what = format!("`[{key}]`");
        table
    };

    let mut server = open("server", out);
    let listen_in_file = server.filled_text("listen", out).and_then(|text| match parse_listen(&text.value) {
        Ok(address) => Some((address, out.file.place(text.span.start).0)),
        Err(message) => {
            out.error("not-allowed", text.span, format!("`listen` of `[server]`: {message}"), None);
            None
        }
    });
    let flag = flags.listen.as_deref().map(|text| ("--listen", text));
    let names = ["NOMAFLOW_SERVER_LISTEN"];
    let listen = layers.pick(&names, flag, listen_in_file, SocketAddr::from(([127, 0, 0, 1], 8000)), parse_listen);
    let role_in_file = server.word("role", &["server", "worker"], |text| parse_role(text).ok(), out);
    let role_in_file = role_in_file.map(|(role, text)| (role, out.file.place(text.span.start).0));
    let flag = flags.role.as_deref().map(|text| ("--role", text));
    let role = layers.pick(&["NOMAFLOW_SERVER_ROLE"], flag, role_in_file, Role::Server, parse_role);
    let in_file = read_label_list(&mut server, out);
    let given = flags.labels.join(",");
    let flag = (!flags.labels.is_empty()).then_some(("--label", given.as_str()));
    let labels = layers.pick(&["NOMAFLOW_SERVER_LABELS"], flag, in_file, Vec::new(), parse_labels);
    let drain_seconds =
        layers.whole(&mut server, "drain_seconds", &["NOMAFLOW_SERVER_DRAIN_SECONDS"], (0..=86_400, 20), out);
    let watch = layers.switch(&mut server, "watch", &["NOMAFLOW_SERVER_WATCH"], None, out);
    let in_file = server.word("metrics", &Metrics::WORDS, |text| parse_metrics(text).ok(), out);
    let in_file = in_file.map(|(metrics, text)| (metrics, out.file.place(text.span.start).0));
    let metrics = layers.pick(&["NOMAFLOW_SERVER_METRICS"], None, in_file, Metrics::Token, parse_metrics);
    let in_file = read_proxies(&mut server, out);
    let parse = |text: &str| TrustedProxies::parse(text.split(','));
    let trusted_proxies =
        layers.pick(&["NOMAFLOW_SERVER_TRUSTED_PROXIES"], None, in_file, TrustedProxies::default(), parse);
    let line = server.take("public_url").map(|entry| out.file.place(entry.key_span.0).0);
    let in_file = server.filled_text("public_url", out).and_then(|text| match parse_public_url(&text.value) {
        Ok(url) => Some(url),
        Err(message) => {
            out.error("not-allowed", text.span, format!("`public_url` of `[server]`: {message}"), None);
            None
        }
    });
    let public_url = layers.pick(&["NOMAFLOW_SERVER_PUBLIC_URL"], None, in_file.zip(line), None, parse_public_url);
    server.finish(out);

    let mut store = open("store", out);
    let line = store.take("url").map(|entry| out.file.place(entry.key_span.0).0);
    let in_file = read_address(&mut store, home, &layers.env, &STORES, out).zip(line);
    let flag = flags.store_url.as_deref().map(|text| ("--store-url", text));
    let parse = |text: &str| parse_address(text, None, home, &STORES).map_err(|error| error.message);
    let default = PoolAddress::Sqlite { path: home.join("data/nomaflow.db") };
    let store_address = layers.pick(&["NOMAFLOW_STORE_URL"], flag, in_file, default, parse);
    store.finish(out);

    let mut jobs = open("jobs", out);
    let word = flags.scheduler_enabled.map(|on| if on { "true" } else { "false" });
    let flag = word.map(|word| ("--scheduler-enabled", word));
    let names = ["NOMAFLOW_JOBS_SCHEDULER_ENABLED", "LIBERTY_SCHEDULER_ENABLED"];
    let scheduler_enabled = layers.switch(&mut jobs, "scheduler_enabled", &names, flag, out);
    let names = ["NOMAFLOW_JOBS_HISTORY_DAYS", "LIBERTY_RUN_HISTORY_DAYS"];
    let history_days = layers.whole(&mut jobs, "history_days", &names, (1..=3650, 90), out);
    let names = ["NOMAFLOW_JOBS_MAX_CONCURRENT_RUNS"];
    let max_concurrent_runs = layers.whole(&mut jobs, "max_concurrent_runs", &names, (1..=10_000, 16), out);
    let in_file = read_text_setting(&mut jobs, "apps_dir", out).map(|(text, line)| (Some(home.join(text)), line));
    let names = ["NOMAFLOW_JOBS_APPS_DIR", "LIBERTY_APPS_DIR"];
    let apps_dir = layers.pick(&names, None, in_file, None, |text| Ok(Some(home.join(text))));
    jobs.finish(out);

    let mut table = open("auth", out);
    let auth = auth_table::read_auth(&mut table, layers, out);
    // Again when the store is open: they may name secrets.
    provider_table::read_providers(&mut table, home, &layers.env, out);
    table.finish(out);

    let mut table = open("audit", out);
    let audit_days = layers.whole(&mut table, "keep_days", &["NOMAFLOW_AUDIT_KEEP_DAYS"], (0..=36_500, 0), out);
    table.finish(out);

    let mut table = open("python", out);
    let python = python_table::read_python(&mut table, layers, out);
    table.finish(out);

    let mut table = open("limits", out);
    let limits = limit_table::read_limits(&mut table, layers, limited, out);
    table.finish(out);

    let mut table = open("notifications", out);
    let notifications = read_notifications(&mut table, layers, system_zone(), out);
    table.finish(out);

    Settings {
        listen,
        role,
        labels,
        drain_seconds,
        watch,
        metrics,
        trusted_proxies,
        public_url,
        store: store_address,
        scheduler_enabled,
        history_days,
        max_concurrent_runs,
        audit_days,
        apps_dir,
        auth,
        python,
        limits,
        notifications,
    }
}
