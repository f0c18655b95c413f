//! What the golden runner and the mutation test share: the home every single-file case stands in, and how a catalogue is
//! written down. `${PRESENT}` is the only environment variable there is.

use std::fmt::Write as _;
use std::path::Path;

use host_catalogue::{
    Catalogue, ComponentCheck, ComponentProblem, ComponentState, FileProblem, LoadOptions, Lookup, ParamProblem,
    ParamRule, SecretReader, Style, load, render,
};
use host_model::diagnostic::{Diagnostic, Severity};
use host_model::job::spec::Pins;
use host_model::job::{CatchUp, OnRestart};
use host_model::{Job, Json, JsonMap};

const CONNECTORS: &str = r#"
[pools.ops]
url = "sqlite:data/operational.db"
[pools.warehouse]
url = "postgres://etl@db.example/warehouse"

[connectors.ops]
[connectors.ops.queries.refresh-totals]
sql = "update totals set x = :x"
writable = true
[connectors.ops.queries.read-only]
sql = "select 1"
[connectors.reporting]
pool = "warehouse"
[connectors.reporting.queries.only-sqlite]
sql = { sqlite = "vacuum" }
"#;

pub(crate) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Lays out the home that single-file cases share.
pub(crate) fn write_home(home: &Path) {
    let write = |path: &str, bytes: &[u8]| {
        let path = home.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    write("connectors.toml", CONNECTORS.as_bytes());
    write("plugins/demo/stats.wasm", COMPONENT);
    write("plugins/demo/typed.wasm", COMPONENT);
    write("plugins/demo/slow.wasm", COMPONENT);
    write("plugins/demo/core.wasm", b"\0asm\x01\0\0\0");
    write("plugins/demo/text.wasm", b"this is no component");
    write("plugins/demo/work/__init__.py", b"");
    write("plugins/demo/work/report.py", b"async def write_report(ctx):\n    return {}\n\ndef load(ctx): ...\n");
}

/// A vault without secrets, which opens `ENC:open` only.
struct NoSecrets;

impl SecretReader for NoSecrets {
    fn find(&self, _name: &str) -> Lookup {
        Lookup::Missing
    }

    fn unseal(&self, sealed: &str) -> Result<String, String> {
        let text = sealed.strip_prefix("ENC:open:").map(str::to_owned);
        text.ok_or_else(|| "it is sealed with another key".to_owned())
    }
}

/// Knows one function, `run`, in every component; that of `typed` takes params, and `slow` is never ready.
struct OnlyRun;

impl ComponentCheck for OnlyRun {
    fn check(&self, _file: &Path, callable: &str, pins: &Pins) -> Result<ComponentState, ComponentProblem> {
        if let Some(pin) = pins.values().find(|pin| !pin.starts_with("aaaa")) {
            let message = format!("the component has no version `{pin}`");
            return Err(ComponentProblem { message, hint: None, blames_pin: true });
        }
        if callable.starts_with("slow:") {
            return Ok(ComponentState::Compiling);
        }
        if callable.ends_with(":run") {
            return Ok(ComponentState::Ready);
        }
        let message = format!("the component has no callable `{callable}`");
        Err(ComponentProblem { message, hint: Some("it has `run`".into()), blames_pin: false })
    }

    /// `text` is a string and must be there, `limit` a number up to 9, `inner.size` a number, and there is no other.
    fn check_params(&self, callable: &str, _: &Pins, params: &JsonMap, own: &[String]) -> Vec<ParamProblem> {
        let mut found = Vec::new();
        let mut add = |path: &[&str], rule, message: &str| {
            let path = path.iter().map(|&key| key.to_owned()).collect();
            let hint = (rule == ParamRule::Unknown).then(|| "it has `text`, `limit`, `inner`".to_owned());
            found.push(ParamProblem { path, rule, message: format!("{callable}: {message}"), hint });
        };
        if callable != "typed:run" {
            return found;
        }
        for key in own.iter().filter(|key| !["text", "limit", "inner"].contains(&key.as_str())) {
            add(&[key], ParamRule::Unknown, &format!("there is no param `{key}`"));
        }
        match params.get("text") {
            None => add(&["text"], ParamRule::Missing, "`text` is missing"),
            Some(Json::String(_)) => {}
            Some(_) => add(&["text"], ParamRule::Type, "`text` must be a string"),
        }
        match params.get("limit") {
            Some(limit) if !limit.is_u64() => add(&["limit"], ParamRule::Type, "`limit` must be a whole number"),
            Some(limit) if limit.as_u64() > Some(9) => add(&["limit"], ParamRule::Value, "`limit` must be at most 9"),
            _ => {}
        }
        match params.get("inner").map(|inner| &inner["size"]) {
            Some(Json::Null) => add(&["inner", "size"], ParamRule::Missing, "`inner` lacks `size`"),
            Some(size) if !size.is_number() => {
                add(&["inner", "size"], ParamRule::Type, "`inner.size` must be a number")
            }
            _ => {}
        }
        found
    }

    fn check_file(&self, file: &Path, grants: &str) -> Result<ComponentState, FileProblem> {
        if file.ends_with("waiting.wasm") {
            return Ok(ComponentState::Compiling);
        }
        if !file.ends_with("broken.wasm") {
            return Ok(ComponentState::Ready);
        }
        if !file.with_extension("toml").exists() {
            let message = "component `broken.wasm` is damaged: it ends too early".to_owned();
            return Err(FileProblem::Component(ComponentProblem {
                message,
                hint: Some("copy it again".into()),
                blames_pin: false,
            }));
        }
        let (code, message) = ("unknown-key", "unknown key `grant`".to_owned());
        let (file, severity) = (grants.to_owned(), Severity::Error);
        let found = Diagnostic { code, severity, message, hint: None, file, line: 1, column: 2, span: 1..6, job: None };
        Err(FileProblem::Grants(vec![found]))
    }
}

pub(crate) fn env(name: &str) -> Option<String> {
    (name == "PRESENT").then(|| "here".to_owned())
}

pub(crate) fn load_home(home: &Path) -> Catalogue {
    let zone = chrono_tz::Europe::Paris;
    load(
        home,
        &LoadOptions {
            plugins_dir: None,
            env: &env,
            secrets: Some(&NoSecrets),
            default_zone: zone,
            components: Some(&OnlyRun),
            proposal: None,
        },
    )
}

/// Everything a case came to, as text.
#[allow(dead_code, reason = "the mutation test only loads")]
pub(crate) fn write_down(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for job in catalogue.jobs.values() {
        write_job(&mut text, job);
    }
    for job in &catalogue.invalid {
        let n = job.diagnostics.len();
        writeln!(
            text,
            "invalid `{}` of {} at {}:{}, {n} finding(s)",
            job.id, job.app, job.source.file, job.source.line
        )
        .unwrap();
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text + &render(&catalogue.diagnostics, &catalogue.sources, Style::Plain)
}

fn write_job(text: &mut String, job: &Job) {
    let mut line = |name: &str, value: &dyn std::fmt::Debug| {
        let value = format!("{value:?}");
        if !matches!(value.as_str(), "[]" | "{}" | "None" | "\"\"") {
            writeln!(text, "  {name} = {value}").unwrap();
        }
    };
    line("id", &job.id);
    line("app", &job.app);
    line("description", &job.description);
    line("tags", &job.tags);
    line("enabled", &job.enabled);
    line("params", &job.params);
    line("retry", &job.retry);
    line("alerts", &job.alerts);
    line("log_level", &job.log_level);
    line("timeout_seconds", &job.timeout_seconds);
    line("overlap", &job.overlap);
    if job.catch_up != CatchUp::None {
        line("catch_up", &(job.catch_up, job.catch_up_window_seconds));
    }
    if job.on_restart != OnRestart::Fail {
        line("on_restart", &job.on_restart);
    }
    line("placement", &job.placement);
    line("source", &job.source);
    for schedule in &job.schedules {
        let spec = &schedule.spec;
        let rules = (&schedule.text, spec.zone.name(), spec.gap, spec.fold, schedule.enabled);
        line(&format!("schedule {}", schedule.name), &rules);
        if schedule.jitter_seconds > 0 {
            line("  jitter_seconds", &schedule.jitter_seconds);
        }
        line("  placement", &schedule.placement);
        if !schedule.overrides.is_empty() {
            line("  overrides", &schedule.overrides);
        }
    }
    for blackout in &job.blackouts {
        line(&format!("blackout {}", blackout.name), &(blackout.zone.map(|zone| zone.name()), &blackout.span));
    }
    for preset in &job.presets {
        line(&format!("preset {}", preset.name), &preset.overrides);
    }
    for step in &job.steps {
        let common = (step.enabled, step.timeout_seconds, &step.retry);
        line(&format!("step {}", step.name), &common);
        if !step.resumable {
            line("  resumable", &step.resumable);
        }
        if let Some(when) = &step.when {
            line("  when", &when.as_str());
        }
        line("  op_kwargs", &step.op_kwargs);
        line("  spec", &step.spec);
    }
}
