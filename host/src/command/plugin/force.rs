//! `nomaflow plugin install | versions | rollback | approve | stats`: which component is in force, asked of the server, which looks
//! at a file before it counts.

use anyhow::Context as _;
use host_model::Json;
use serde_json::json;

use super::size;
use crate::cli::{ConsentArgs, Global, PluginInstallArgs};
use crate::client::{Client, escape};
use crate::command::table::{or_dash, render};
use crate::command::user::call;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

pub(super) async fn install(args: PluginInstallArgs, global: &Global) -> Outcome {
    let shown = args.file.display();
    if !args.file.is_file() {
        return Err(Failure::new(Exit::NotFound, format!("there is no component `{shown}`")));
    }
    let stem = args.file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let name = args.name.as_deref().unwrap_or(stem).to_owned();
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read `{shown}`"))?;
    let ConsentArgs { dry_run, approve, break_jobs } = args.consent;
    let mut path = format!(
        "/admin/plugins/{}/component?dry_run={dry_run}&approve={approve}&break_jobs={break_jobs}",
        escape(&name)
    );
    if let Some(app) = &args.app {
        path += &format!("&app={}", escape(app));
    }
    let client = Client::open(global).await?;
    let answer = client.upload("PUT", &path, "application/wasm", bytes).await;
    client.close().await;
    tell(&answer?, global)
}

pub(super) async fn roll_back(name: &str, to: Option<&str>, consent: &ConsentArgs, global: &Global) -> Outcome {
    let ConsentArgs { dry_run, approve, break_jobs } = consent;
    let body = json!({ "digest": to, "dry_run": dry_run, "approve": approve, "break_jobs": break_jobs });
    let answer = call("POST", &format!("/admin/plugins/{}/rollback", escape(name)), Some(&body), global).await?;
    tell(&answer, global)
}

/// What an installation came to.
fn tell(report: &Json, global: &Global) -> Outcome {
    if global.json {
        say(&report.to_string())?;
        return Ok(Exit::Fine);
    }
    let bytes = report["size"].as_u64().unwrap_or_default();
    say(&format!("{}  {}  sha256 {}", field(report, "path"), size(bytes), field(report, "digest")))?;
    let list = |key: &str| {
        let names = report[key].as_array().into_iter().flatten().filter_map(Json::as_str);
        names.collect::<Vec<_>>().join(", ")
    };
    for (key, told) in [
        ("callables", "callables"),
        ("removed", "no longer has"),
        ("asked", "asks for"),
        ("unapproved", "not approved"),
        ("mends", "mends jobs"),
    ] {
        if !list(key).is_empty() {
            say(&format!("{told}: {}", list(key)))?;
        }
    }
    for job in report["breaks"].as_array().into_iter().flatten() {
        let why = job["problems"].as_array().into_iter().flatten().filter_map(Json::as_str).collect::<Vec<_>>();
        say(&format!("breaks job {}: {}", field(job, "id"), why.join("; ")))?;
    }
    say(match (report["installed"].as_bool().unwrap_or_default(), report["previous"].is_null()) {
        (false, _) => "nothing was changed",
        (true, true) => "installed",
        (true, false) => "installed; `nomaflow plugin rollback` takes it back",
    })?;
    Ok(Exit::Fine)
}

pub(super) async fn approve(name: &str, digest: Option<&str>, global: &Global) -> Outcome {
    let body = digest.map_or_else(|| json!({}), |digest| json!({ "digest": digest }));
    let answer = call("POST", &format!("/admin/plugins/{}/approve", escape(name)), Some(&body), global).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let asked = answer["asked"].as_array().into_iter().flatten().filter_map(Json::as_str).collect::<Vec<_>>();
    let digest: String = field(&answer, "digest").chars().take(12).collect();
    say(&format!("`{name}` {digest} is approved; it asks for: {}", or_dash(&asked.join(", "))))?;
    Ok(Exit::Fine)
}

pub(super) async fn versions(name: &str, global: &Global) -> Outcome {
    let answer = call("GET", &format!("/admin/plugins/{}/versions", escape(name)), None, global).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let row = |version: &Json| {
        let names = |key: &str| {
            let list = version[key].as_array().into_iter().flatten().filter_map(Json::as_str);
            list.collect::<Vec<_>>().join(", ")
        };
        let state = match (version["in_force"].as_bool(), version["kept"].as_bool()) {
            (Some(true), _) if !names("unapproved").is_empty() => "blocked".to_owned(),
            (Some(true), _) => "in force".to_owned(),
            (_, Some(true)) => "kept".to_owned(),
            _ => "gone".to_owned(),
        };
        let approved = match field(version, "approved_by") {
            "" if names("unapproved").is_empty() => "needs none".to_owned(),
            "" => format!("waits: {}", names("unapproved")),
            by => by.to_owned(),
        };
        vec![
            field(version, "digest").chars().take(12).collect(),
            state,
            field(version, "installed_at").to_owned(),
            field(version, "installed_by").to_owned(),
            or_dash(&names("asked")),
            approved,
            or_dash(&names("pinned_by")),
        ]
    };
    let rows: Vec<Vec<String>> = answer["versions"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return Err(Failure::new(Exit::NotFound, format!("there is no component `{name}`")));
    }
    say(&render(&["DIGEST", "STATE", "SINCE", "BY", "ASKS FOR", "APPROVED", "PINNED BY"], &rows))?;
    Ok(Exit::Fine)
}

pub(super) async fn stats(name: &str, global: &Global) -> Outcome {
    let answer = call("GET", &format!("/admin/plugins/{}/stats", escape(name)), None, global).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let row = |name: String, stats: &Json| {
        let ms = |key: &str| format!("{:.1} ms", stats[key].as_f64().unwrap_or_default());
        let count = |key: &str| stats[key].as_u64().unwrap_or_default();
        vec![
            name,
            count("calls").to_string(),
            count("failed").to_string(),
            count("traps").to_string(),
            ms("wall_p50_ms"),
            ms("wall_p95_ms"),
            ms("cpu_p50_ms"),
            size(count("peak_memory_bytes")),
        ]
    };
    let versions = answer["versions"].as_array().into_iter().flatten();
    let mut rows = vec![row("all".to_owned(), &answer["all"])];
    rows.extend(versions.map(|it| row(field(it, "digest").chars().take(12).collect(), &it["stats"])));
    say(&render(&["VERSION", "CALLS", "FAILED", "TRAPS", "P50", "P95", "CPU P50", "PEAK MEMORY"], &rows))?;
    Ok(Exit::Fine)
}
