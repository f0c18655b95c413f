//! The cases of a project (`tests/cases.json`) in the sandbox: each call with its params, its grants, and a fresh SQLite
//! database behind each connector it names. The SDKs run the same file against stand-ins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use host_catalogue::{LoadOptions, load, system_zone};
use host_model::diagnostic::nearest;
use host_model::log::LogLevel;
use host_model::{CancelToken, Json};
use plugin_builder::Project;
use serde_json::json;

use super::workbench::{Mute, NoSecrets, Workbench, read_grants};
use crate::exit::Failure;
use crate::say;
use crate::watch::visible;

/// What no case takes, unless something hangs.
const LONGEST: Duration = Duration::from_secs(60);

/// The keys of a case, which the SDKs read as well.
const KEYS: [&str; 7] = ["name", "callable", "params", "connectors", "result", "error", "after"];

/// What became of every case.
pub(super) struct Report {
    /// Name, and why it does not hold.
    cases: Vec<(String, Option<String>)>,
    took: Duration,
}

impl Report {
    pub(super) fn all_held(&self) -> bool {
        self.cases.iter().all(|(_, problem)| problem.is_none())
    }

    pub(super) fn to_json(&self) -> Json {
        self.cases
            .iter()
            .map(|(name, problem)| json!({ "name": name, "held": problem.is_none(), "problem": problem }))
            .collect()
    }

    /// One line per case, and how many held.
    pub(super) fn say(&self) -> Result<(), Failure> {
        for (name, problem) in &self.cases {
            match problem {
                None => say(&format!("ok      {name}"))?,
                Some(problem) => say(&visible(&format!("FAILED  {name}: {problem}")))?,
            }
        }
        let held = self.cases.iter().filter(|(_, problem)| problem.is_none()).count();
        let seconds = self.took.as_secs_f64();
        say(&format!("{held} of {} cases hold in the sandbox ({seconds:.2} s)", self.cases.len()))
    }
}

/// Runs the cases of a project that is built. A project without cases has none that fail.
///
/// # Errors
/// When the cases cannot be read, or the component does not fit.
pub(super) async fn run_all(project: &Project) -> Result<Report, Failure> {
    let started = Instant::now();
    let path = project.cases();
    let cases: Vec<Json> = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("`{}` is no array of JSON", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("cannot read `{}`", path.display())).into());
        }
    };
    let grants = read_grants(&project.grants())?;
    let mut report = Report { cases: Vec::new(), took: Duration::ZERO };
    let bench = Workbench::new(&project.component(), Arc::new(NoSecrets)).await?;
    for case in &cases {
        let name = case["name"].as_str().unwrap_or("a case without name").to_owned();
        let problem = hold(&bench, &grants, case).await.err();
        report.cases.push((name, problem.map(|problem| bench.place.name(&format!("{problem:#}")))));
    }
    bench.close().await;
    report.took = started.elapsed();
    Ok(report)
}

/// A key that nobody reads would be a check that never fails.
fn refuse_unknown_keys(case: &Json) -> anyhow::Result<()> {
    let mut keys = case.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let Some(unknown) = keys.find(|key| !KEYS.contains(key)) else { return Ok(()) };
    match nearest(unknown, KEYS) {
        Some(near) => bail!("unknown key `{unknown}`, did you mean `{near}`?"),
        None => bail!("unknown key `{unknown}`; a case has `{}`", KEYS.join("`, `")),
    }
}

/// Fails unless the case holds.
async fn hold(bench: &Workbench, own: &str, case: &Json) -> anyhow::Result<()> {
    refuse_unknown_keys(case)?;
    let home = tempfile::tempdir().context("cannot make a folder for temporary files")?;
    let scripts: BTreeMap<&str, &str> = case["connectors"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(n, s)| Some((n.as_str(), s.as_str()?)))
        .collect();
    let mut declared = String::new();
    let mut grants = Vec::new();
    for name in scripts.keys() {
        declared += &format!("[pools.{name}]\nurl = \"sqlite:{name}.db\"\n[connectors.{name}]\ntype = \"sql\"\n");
        std::fs::write(home.path().join(format!("{name}.db")), "").context("cannot make a database")?;
        grants.push(format!("connectors.{name}=read-write"));
    }
    std::fs::write(home.path().join("connectors.toml"), declared).context("cannot write the connectors")?;
    let options = LoadOptions {
        plugins_dir: None,
        env: &|_| None,
        secrets: None,
        default_zone: system_zone(),
        components: None,
        proposal: None,
    };
    let connectors = load(home.path(), &options).connectors;
    let grants = plugin_builder::merge_grants(own, &grants, &[], home.path())?;
    bench.equip(&grants, connectors)?;
    hold_on(bench, case, &scripts).await
}

async fn hold_on(bench: &Workbench, case: &Json, scripts: &BTreeMap<&str, &str>) -> anyhow::Result<()> {
    for (name, script) in scripts.iter().filter(|(_, script)| !script.trim().is_empty()) {
        let filled = bench.run_script(name, script).await;
        filled.map_err(|failure| failure.error).with_context(|| format!("the script of `{name}` fails"))?;
    }
    let callable = case["callable"].as_str().context("it names no `callable`")?;
    let params = case["params"].as_object().cloned().unwrap_or_default();
    let called = bench.call(callable, params, Arc::new(Mute), LogLevel::Info, LONGEST, CancelToken::new()).await;
    match (called, case["error"].as_str()) {
        (Ok(outcome), None) => {
            let got = Json::Object(outcome.output);
            if got != case["result"] {
                bail!("the result is {got}, not {}", case["result"]);
            }
        }
        (Ok(outcome), Some(wanted)) => bail!("it gives {} and not the error `{wanted}`", Json::Object(outcome.output)),
        (Err(failure), Some(wanted)) if is_code(&failure.error.detail, wanted) => {}
        (Err(failure), Some(wanted)) => {
            let given = code_of(&failure.error.detail).unwrap_or(failure.error.kind.as_str());
            bail!("the error is `{given}`, not `{wanted}`: {}", failure.error.message)
        }
        (Err(failure), None) => bail!("{}", failure.error.message),
    }
    for (name, after) in case["after"].as_object().into_iter().flatten() {
        let query = after["query"].as_str().with_context(|| format!("`after.{name}` has no `query`"))?;
        let rows = bench.rows(name, query).await.with_context(|| format!("`{query}` fails"))?;
        if rows != after["rows"] {
            bail!("`{name}` holds {rows}, not {}", after["rows"]);
        }
    }
    Ok(())
}

/// The code of an error the component gave; the sandbox puts it first into the detail.
fn code_of(detail: &str) -> Option<&str> {
    detail.lines().next()?.strip_prefix("code: ")
}

/// Whether an error is of this code or a finer one.
fn is_code(detail: &str, code: &str) -> bool {
    let rest = code_of(detail).and_then(|given| given.strip_prefix(code));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{is_code, refuse_unknown_keys};

    #[test]
    fn a_key_of_a_case_that_nobody_reads_is_refused() {
        assert!(refuse_unknown_keys(&json!({"name": "n", "callable": "c", "result": {}, "after": {}})).is_ok());
        let refused = refuse_unknown_keys(&json!({"callable": "c", "results": {}})).expect_err("refused");
        assert_eq!(refused.to_string(), "unknown key `results`, did you mean `result`?");
    }

    #[test]
    fn a_finer_code_is_the_code_too_and_a_longer_word_is_not() {
        assert!(is_code("code: invalid", "invalid") && is_code("code: invalid.param\nmore", "invalid"));
        assert!(!is_code("code: invalidated", "invalid") && !is_code("a trap", "invalid"));
    }
}
