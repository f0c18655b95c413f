//! `nomaflow export`, `nomaflow import` and those `nomaflow job …` that write the catalogue: calls to the API like all
//! others, remote or local.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use host_model::Json;
use serde_json::json;

use super::table;
use crate::cli::{Global, ImportArgs, JobChange};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a command that writes the catalogue.
pub(crate) async fn change(client: &Client, command: JobChange, global: &Global) -> Outcome {
    match command {
        JobChange::Enable { id } => switch(client, &id, true, global).await,
        JobChange::Disable { id } => switch(client, &id, false, global).await,
        JobChange::Edit { id } => edit(client, &id, global).await,
        JobChange::Rename { id, to } => {
            let path = format!("/admin/jobs/{}/rename", escape(&id));
            let answer = client.call("POST", &path, Some(&json!({ "id": to }))).await?;
            told(&answer, &format!("job `{id}` is `{to}` now"), global)
        }
        JobChange::Delete { id } => {
            let answer = client.call("DELETE", &format!("/admin/jobs/{}", escape(&id)), None).await?;
            told(&answer, &format!("job `{id}` is deleted; its history stays"), global)
        }
        JobChange::Versions { id } => versions(client, &id, global).await,
        JobChange::Diff { id, from, to } => diff(client, &id, from, to, global).await,
        JobChange::Restore { id, version } => {
            let path = format!("/admin/jobs/{}/restore", escape(&id));
            let answer = client.call("POST", &path, Some(&json!({ "version": version }))).await?;
            told(&answer, &format!("version {version} of job `{id}` is back, as version {}", answer["version"]), global)
        }
    }
}

fn told(answer: &Json, text: &str, global: &Global) -> Outcome {
    say(&if global.json { answer.to_string() } else { text.to_owned() })?;
    Ok(Exit::Fine)
}

async fn switch(client: &Client, id: &str, enabled: bool, global: &Global) -> Outcome {
    let path = format!("/admin/jobs/{}", escape(id));
    let answer = client.call("PATCH", &path, Some(&json!({ "enabled": enabled }))).await?;
    let word = if enabled { "enabled" } else { "disabled" };
    told(&answer, &format!("job `{id}` is {word}"), global)
}

async fn versions(client: &Client, id: &str, global: &Global) -> Outcome {
    let answer = client.call("GET", &format!("/admin/jobs/{}/versions", escape(id)), None).await?;
    if global.json {
        return told(&answer, "", global);
    }
    let row = |version: &Json| {
        let texts = ["at", "by", "change"].map(|key| field(version, key).to_owned());
        std::iter::once(version["version"].to_string()).chain(texts).collect()
    };
    let rows: Vec<Vec<String>> = answer["versions"].as_array().into_iter().flatten().map(row).collect();
    say(&table::render(&["VERSION", "AT", "BY", "CHANGE"], &rows))?;
    Ok(Exit::Fine)
}

async fn diff(client: &Client, id: &str, from: Option<u32>, to: Option<u32>, global: &Global) -> Outcome {
    let ends = [("from", from), ("to", to)].into_iter().filter_map(|(key, end)| Some(format!("{key}={}", end?)));
    let query = ends.collect::<Vec<_>>().join("&");
    let answer = client.call("GET", &format!("/admin/jobs/{}/diff?{query}", escape(id)), None).await?;
    let text = field(&answer, "unified").trim_end();
    told(&answer, if text.is_empty() { "nothing changed" } else { text }, global)
}

/// Opens the job in an editor until it can be saved, or its author gives up; then the text stays where it can be found.
async fn edit(client: &Client, id: &str, global: &Global) -> Outcome {
    let source = client.call("GET", &format!("/admin/jobs/{}/source", escape(id)), None).await?;
    let (before, etag) = (field(&source, "whole").to_owned(), field(&source, "etag").to_owned());
    let draft = tempfile::Builder::new().prefix("nomaflow-").suffix(".toml").tempfile().context("a file to edit")?;
    std::fs::write(draft.path(), &before).context("the file to edit")?;
    loop {
        run_editor(draft.path())?;
        let text = std::fs::read_to_string(draft.path()).context("the edited file")?;
        if text == before {
            return told(&source, "nothing changed", global);
        }
        match save(client, id, &etag, &text).await {
            Ok(answer) => return told(&answer, &format!("job `{id}` is saved, version {}", answer["version"]), global),
            Err(failure) if failure.exit == Exit::Invalid && wants_another_go(&failure)? => {}
            Err(failure) => {
                let (_, kept) = draft.keep().context("the edited file")?;
                return Err(failure.hint(format!("what you wrote is in {}", kept.display())));
            }
        }
    }
}

async fn save(client: &Client, id: &str, etag: &str, text: &str) -> Result<Json, Failure> {
    let tag = format!("\"{etag}\"");
    let path = format!("/admin/jobs/{}", escape(id));
    client.call_with("PUT", &path, Some(&json!({ "text": text })), &[("if-match", &tag)]).await
}

fn run_editor(path: &Path) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
    let editor = named.unwrap_or_else(|| "vi".to_owned());
    // By the shell, as the variable may hold options.
    let status = std::process::Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(Exit::RunFailed, format!("the editor `{editor}` ended with {status}"))),
        Err(error) => Err(Failure::new(Exit::RunFailed, format!("the editor `{editor}` cannot be started: {error}"))),
    }
}

fn wants_another_go(failure: &Failure) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    eprint!("{failure}\nedit again? [Y/n] ");
    std::io::stderr().flush().context("the terminal")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the terminal")?;
    Ok(!answer.trim().to_lowercase().starts_with('n'))
}

/// `nomaflow export`.
pub(crate) async fn export(file: Option<&Path>, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let answer = client.call("GET", "/admin/catalogue/export", None).await;
    client.close().await;
    let snapshot = answer?;
    let text = serde_json::to_string_pretty(&snapshot).context("the snapshot")? + "\n";
    let Some(file) = file else {
        say(text.trim_end())?;
        return Ok(Exit::Fine);
    };
    std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?;
    let count = snapshot["jobs"].as_array().map_or(0, Vec::len);
    told(&json!({ "jobs": count, "file": file }), &format!("{count} jobs are in {}", file.display()), global)
}

/// `nomaflow import`.
pub(crate) async fn import(args: ImportArgs, global: &Global) -> Outcome {
    let mut text = String::new();
    if args.file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
    } else {
        let read = std::fs::read_to_string(&args.file);
        text = read
            .map_err(|error| Failure::new(Exit::NotFound, format!("cannot read `{}`: {error}", args.file.display())))?;
    }
    let snapshot: Json = serde_json::from_str(&text)
        .map_err(|error| Failure::new(Exit::Invalid, format!("`{}` is no snapshot: {error}", args.file.display())))?;
    let strategy = if args.replace { "replace" } else { "merge" };
    let client = Client::open(global).await?;
    let path = format!("/admin/catalogue/import?strategy={strategy}&dry_run={}", args.dry_run);
    // The plan comes first, so that what is wrong is listed job by job.
    let plan = format!("/admin/catalogue/import?strategy={strategy}&dry_run=true");
    let mut answer = client.call("POST", &plan, Some(&snapshot)).await;
    let is_valid = answer.as_ref().is_ok_and(|plan| plan["invalid"].as_array().is_none_or(Vec::is_empty));
    if is_valid && !args.dry_run {
        answer = client.call("POST", &path, Some(&snapshot)).await;
    }
    client.close().await;
    let plan = answer?;
    if global.json {
        say(&plan.to_string())?;
    } else {
        show_plan(&plan)?;
    }
    Ok(if is_valid { Exit::Fine } else { Exit::Invalid })
}

fn show_plan(plan: &Json) -> Result<(), Failure> {
    let list = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    for (key, word) in [("new", "new"), ("removed", "removed")] {
        for id in list(key) {
            say(&format!("{word}: {}", id.as_str().unwrap_or_default()))?;
        }
    }
    for changed in list("changed") {
        say(&format!("changed: {}", field(&changed, "id")))?;
        for line in field(&changed, "diff").lines() {
            say(&format!("  {line}"))?;
        }
    }
    for invalid in list("invalid") {
        say(&format!("invalid: {}", field(&invalid, "id")))?;
        for found in invalid["problems"].as_array().into_iter().flatten() {
            say(&format!("  {}: {}", field(found, "pointer"), field(found, "message")))?;
        }
    }
    for next in list("next") {
        say(&format!("next: {} {}", field(&next, "id"), field(&next, "at")))?;
    }
    for (key, hint) in [("connectors_missing", "connector is missing"), ("secrets_missing", "secret has to be set")] {
        for name in list(key) {
            say(&format!("{hint}: {}", name.as_str().unwrap_or_default()))?;
        }
    }
    let same = list("same").len();
    let end = if plan["applied"] == true { "done" } else { "nothing was changed" };
    say(&format!("{same} jobs stay as they are; {end}"))
}
