//! `nomaflow doctor`: everything a night needs, looked at from this machine: home, settings, jobs, keys, store, server,
//! connectors, Python, the toolchain for plugins, clock and disk. Every finding says what to do. Changes nothing but what
//! opening the store does.

mod keys;

use std::path::Path;
use std::time::Duration;

use host_catalogue::{Flags, load_settings};
use host_model::audit::{AuditFilter, AuditOutcome, AuditTrail};
use host_model::diagnostic::Severity;
use host_model::port::StoreError;
use host_model::{CancelToken, Json, StepSpec};
use host_python::Interpreter;
use serde_json::json;
use tokio::time::timeout;

use super::backup::ACTION as BACKUP;
use super::connector::Shelf;
use crate::assemble;
use crate::cli::Global;
use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::say;
use crate::vault::Vault;

/// Free space below which a night may fail.
const LITTLE_SPACE: u64 = 1 << 30;
/// How long a connector may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Hours after which a backup is old: two nights.
const OLD_BACKUP: i64 = 48;
/// What the audit trail calls an export of the whole catalogue.
const EXPORT: &str = "catalogue.export";
/// Another process's clock may be that much ahead.
const CLOCK_SLACK: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    Notice,
    Bad,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Notice => "note",
            Self::Bad => "BAD",
        }
    }
}

struct Finding {
    area: &'static str,
    state: State,
    text: String,
    advice: Option<String>,
}

impl Finding {
    fn new(area: &'static str, state: State, text: impl Into<String>) -> Self {
        Self { area, state, text: text.into(), advice: None }
    }

    fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// From what a command would end with.
    fn of_failure(area: &'static str, failure: &Failure) -> Self {
        let chain: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
        let found = Self::new(area, State::Bad, chain.join(": "));
        match &failure.hint {
            Some(hint) => found.advice(hint),
            None => found,
        }
    }
}

/// Looks at everything.
pub(crate) async fn run(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    home.ensure_exists()?;
    let mut all = look_at_files(&home);
    all.extend(look_at_disk(home.path()));
    let vault = Vault::open(home.path(), env);
    let key = keys::look_at_key(&vault);
    let is_locked = key.state == State::Bad;
    all.push(key);
    let unseen = |area, why: &str| Finding::new(area, State::Notice, format!("not looked at while {why}"));
    // Where the history and the secrets are is among the settings.
    if home.settings(&Flags::default()).is_err() {
        all.extend(["store", "connectors"].map(|area| unseen(area, "the settings are wrong")));
    } else if is_locked {
        // One mistake, told once: neither opens without the key.
        all.extend(["store", "connectors"].map(|area| unseen(area, "the key cannot be read")));
    } else {
        let store = look_at_store(&home, vault.as_ref().ok()).await;
        let is_open = store.iter().any(|found| found.area == "store" && found.state == State::Fine);
        all.extend(store);
        if is_open {
            all.extend(look_at_connectors(global).await);
        } else {
            all.push(unseen("connectors", "the store, which has their secrets, cannot be opened"));
        }
    }
    all.push(look_at_server(&home, global).await);
    all.push(look_at_python(&home).await);
    all.push(look_at_toolchain());
    all.push(look_at_clock());
    if global.json {
        let shown =
            |f: &Finding| json!({ "area": f.area, "state": f.state.as_str(), "text": f.text, "advice": f.advice });
        say(&json!({ "findings": all.iter().map(shown).collect::<Vec<Json>>() }).to_string())?;
    } else {
        for found in &all {
            say(&format!("{:<4}  {:<11}  {}", found.state.as_str(), found.area, found.text.replace('\n', " ")))?;
            if let Some(advice) = &found.advice {
                say(&format!("{:19}→ {advice}", ""))?;
            }
        }
        let bad = all.iter().filter(|found| found.state == State::Bad).count();
        say(&match bad {
            0 => "\nnothing stands in the way".to_owned(),
            1 => "\n1 thing to mend".to_owned(),
            n => format!("\n{n} things to mend"),
        })?;
    }
    Ok(if all.iter().any(|found| found.state == State::Bad) { Exit::RunFailed } else { Exit::Fine })
}

fn look_at_files(home: &Home) -> Vec<Finding> {
    let settings = load_settings(home.path(), &env, &Flags::default());
    let errors =
        |all: &[host_model::diagnostic::Diagnostic]| all.iter().filter(|d| d.severity == Severity::Error).count();
    let mut all = vec![match errors(&settings.diagnostics) {
        0 => Finding::new("settings", State::Fine, format!("{} is read", home.path().join("app.toml").display())),
        n => {
            let errors = if n == 1 { "error" } else { "errors" };
            Finding::new("settings", State::Bad, format!("{n} {errors} in app.toml or its environment"))
                .advice("nomaflow check")
        }
    }];
    let reader = match assemble::reader(home, &settings.settings) {
        Ok(reader) => reader,
        // The finding about the key says why, and what to do.
        Err(_) if Vault::open(home.path(), env).is_err() => {
            all.push(Finding::new("jobs", State::Notice, "not looked at while the key cannot be read"));
            return all;
        }
        Err(failure) => {
            all.push(Finding::of_failure("jobs", &failure));
            return all;
        }
    };
    let catalogue = reader.read_soon();
    let valid = catalogue.jobs.len();
    all.push(match (catalogue.invalid.len(), errors(&catalogue.diagnostics)) {
        (0, 0) => Finding::new("jobs", State::Fine, format!("{valid} jobs, all valid")),
        (0, n) => Finding::new("jobs", State::Bad, format!("{n} errors in the files")).advice("nomaflow check"),
        (broken, _) => Finding::new("jobs", State::Bad, format!("{broken} of {} jobs cannot run", valid + broken))
            .advice("nomaflow check"),
    });
    let idle = catalogue.jobs.values().filter(|job| !job.enabled && !job.schedules.is_empty()).count();
    if idle > 0 {
        let text = format!("{idle} jobs have a schedule and are disabled: they do not fire");
        all.push(Finding::new("jobs", State::Notice, text).advice("nomaflow job list"));
    }
    all
}

fn look_at_disk(home: &Path) -> Vec<Finding> {
    let data = home.join("data");
    let mut all = Vec::new();
    let probe = data.join(format!(".doctor-{}", std::process::id()));
    let written = std::fs::create_dir_all(&data).and_then(|()| std::fs::write(&probe, b"x"));
    let _ = std::fs::remove_file(&probe);
    if let Err(error) = written {
        let text = format!("`{}` cannot be written to: {error}", data.display());
        all.push(Finding::new("disk", State::Bad, text).advice("let the account that runs nomaflow own the folder"));
    }
    all.push(match rustix::fs::statvfs(&data) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!("{:.1} GiB free where `{}` is", free as f64 / f64::from(1 << 30), data.display());
            if free < LITTLE_SPACE {
                Finding::new("disk", State::Bad, text)
                    .advice("make room, or keep less history: [jobs] history_days in app.toml")
            } else {
                Finding::new("disk", State::Fine, text)
            }
        }
        Err(error) => Finding::new("disk", State::Bad, format!("`{}` cannot be looked at: {error}", data.display())),
    });
    all
}

async fn look_at_store(home: &Home, vault: Option<&Vault>) -> Vec<Finding> {
    let opened = match home.settings(&Flags::default()) {
        Ok(loaded) => assemble::open_store(home, &loaded.settings).await,
        Err(failure) => Err(failure),
    };
    let (roles, _) = match opened {
        Ok(opened) => opened,
        Err(failure) => return vec![Finding::of_failure("store", &failure)],
    };
    let store = roles.store;
    let mut all = vec![match store.ping().await {
        Ok(()) => Finding::new("store", State::Fine, format!("{} answers, its schema is current", store.dialect())),
        Err(error) => Finding::new("store", State::Bad, error.to_string()),
    }];
    let now = chrono::Utc::now();
    if let Ok(replicas) = store.list_replicas().await {
        for ahead in replicas.iter().filter(|replica| replica.seen_at > now + CLOCK_SLACK) {
            let by = (ahead.seen_at - now).num_seconds();
            let text = format!("the clock of `{}` is {by} s ahead of this machine's", ahead.presence.owner);
            all.push(
                Finding::new("clock", State::Bad, text)
                    .advice("let both follow a time server (chrony, systemd-timesyncd)"),
            );
        }
    }
    if let Some(vault) = vault {
        all.extend(keys::look_at_secrets(&*roles.secrets, vault).await);
    }
    all.push(look_at_backup(&*roles.audit).await);
    let _ = store.close().await;
    all
}

/// How old the last backup and the last export of the catalogue are, as the audit trail says.
async fn look_at_backup(audit: &dyn AuditTrail) -> Finding {
    let advice = "nomaflow backup FILE; docs/backup.md";
    let (taken, exported) = match (hours_since(audit, BACKUP).await, hours_since(audit, EXPORT).await) {
        (Ok(taken), Ok(exported)) => (taken, exported),
        (Err(error), _) | (_, Err(error)) => return Finding::new("backup", State::Notice, error.to_string()),
    };
    let exported = exported.map(|hours| format!("; the catalogue was exported {hours} hours ago")).unwrap_or_default();
    match taken {
        Some(hours) if hours <= OLD_BACKUP => {
            Finding::new("backup", State::Fine, format!("the last one is {hours} hours old{exported}"))
        }
        Some(hours) => {
            let text = format!("the last one is {} days old{exported}", hours / 24);
            Finding::new("backup", State::Notice, text).advice(advice)
        }
        None => {
            Finding::new("backup", State::Notice, format!("the audit trail knows of none{exported}")).advice(advice)
        }
    }
}

async fn hours_since(audit: &dyn AuditTrail, action: &str) -> Result<Option<i64>, StoreError> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        outcome: Some(AuditOutcome::Done),
        limit: 1,
        ..AuditFilter::default()
    };
    let found = audit.list(&filter).await?;
    Ok(found.first().map(|entry| (chrono::Utc::now() - entry.draft.at).num_hours()))
}

async fn look_at_server(home: &Home, global: &Global) -> Finding {
    if global.server.is_none() && home.read_server_address().is_none() {
        return Finding::new("server", State::Notice, "no server of this home is running").advice("nomaflow serve");
    }
    let remote = Global { local: false, ..global.clone() };
    let asked = async {
        let client = Client::open(&remote).await?;
        let answer = client.call("GET", "/admin/jobs/health", None).await;
        client.close().await;
        answer
    };
    match asked.await {
        Ok(health) => {
            let state = health["scheduler"].as_str().unwrap_or("unknown");
            let problems: Vec<&str> =
                health["problems"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let text = format!("scheduler {state}, {} runs in flight", health["runs_in_flight"]);
            match problems.as_slice() {
                [] => Finding::new("server", State::Fine, text),
                some => Finding::new("server", State::Bad, format!("{text}; {}", some.join("; ")))
                    .advice("nomaflow scheduler status"),
            }
        }
        Err(failure) => Finding::of_failure("server", &failure),
    }
}

async fn look_at_connectors(global: &Global) -> Vec<Finding> {
    let shelf = match Shelf::open(global).await {
        Ok(shelf) => shelf,
        Err(failure) => return vec![Finding::of_failure("connectors", &failure)],
    };
    let mut all = Vec::new();
    if !shelf.faults.is_empty() {
        all.push(Finding::new("connectors", State::Bad, "connectors.toml has errors").advice("nomaflow check"));
    }
    let cancel = CancelToken::new();
    let names = shelf.names();
    if names.is_empty() {
        all.push(Finding::new("connectors", State::Notice, "none is declared"));
    }
    let tests = names.iter().map(|name| timeout(PATIENCE, shelf.pools.test(name, &cancel)));
    for (name, result) in names.iter().zip(futures_util::future::join_all(tests).await) {
        all.push(match result {
            Ok(Ok(found)) => {
                let (version, ms) = (crate::watch::visible(&found.version), found.elapsed.as_millis());
                Finding::new(
                    "connectors",
                    State::Fine,
                    format!("`{name}` answers in {ms} ms: {} {version}", found.dialect),
                )
            }
            Ok(Err(error)) => Finding::new("connectors", State::Bad, format!("`{name}`: {}", error.message))
                .advice(format!("nomaflow connector test {name}")),
            Err(_) => {
                let text = format!("`{name}` has not answered within {} s", PATIENCE.as_secs());
                Finding::new("connectors", State::Bad, text)
                    .advice("is its host reachable from here, and its port open?")
            }
        });
    }
    shelf.pools.close().await;
    all
}

/// A missing interpreter is bad only when a job wants it.
async fn look_at_python(home: &Home) -> Finding {
    let settings = load_settings(home.path(), &env, &Flags::default()).settings;
    let wanted = &settings.python.interpreter.value;
    match Interpreter::find(Path::new(wanted)).await {
        Ok(found) => {
            let (major, minor, patch) = found.version;
            let text = format!("Python {major}.{minor}.{patch}, {}", found.executable.display());
            Finding::new("python", State::Fine, text)
        }
        Err(error) => {
            let is_needed = assemble::reader(home, &settings).is_ok_and(|reader| {
                let jobs = reader.read_soon().jobs;
                jobs.values().flat_map(|job| &job.steps).any(|step| matches!(step.spec, StepSpec::Python { .. }))
            });
            let state = if is_needed { State::Bad } else { State::Notice };
            Finding::new("python", state, error.to_string()).advice(error.hint())
        }
    }
}

fn look_at_toolchain() -> Finding {
    match plugin_builder::describe_toolchain() {
        Ok(text) => Finding::new("plugins", State::Fine, format!("can be built in Rust: {text}")),
        Err(error) => {
            let text = error.to_string();
            let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
            let found = Finding::new("plugins", State::Notice, format!("cannot be built in Rust here: {first}"));
            if rest.is_empty() {
                found
            } else {
                found.advice(rest.lines().next().unwrap_or_default().trim().to_owned())
            }
        }
    }
}

/// Only the system knows whether its clock follows a time server.
fn look_at_clock() -> Finding {
    let asked = std::process::Command::new("timedatectl").args(["show", "-p", "NTPSynchronized", "--value"]).output();
    let zone = host_catalogue::system_zone();
    match asked.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).as_deref() {
        Some("yes") => Finding::new("clock", State::Fine, format!("follows a time server; the zone is {zone}")),
        Some("no") => Finding::new("clock", State::Notice, format!("follows no time server; the zone is {zone}"))
            .advice("timedatectl set-ntp true"),
        _ => {
            Finding::new("clock", State::Notice, format!("whether it is right cannot be told here; the zone is {zone}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_causes_and_its_hint() {
        let error = anyhow::anyhow!("no such file").context("the store cannot be opened");
        let failure = Failure { exit: Exit::Invalid, error, hint: Some("make it".into()) };
        let found = Finding::of_failure("store", &failure);
        assert_eq!(found.text, "the store cannot be opened: no such file");
        assert_eq!((found.advice.as_deref(), found.state), (Some("make it"), State::Bad));
    }
}
