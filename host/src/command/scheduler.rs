//! `nomaflow scheduler …` and `nomaflow job why`: the scheduler as a whole, and its answer about one job.

use host_model::Json;
use serde_json::json;

use super::table::{self, or_dash};
use crate::cli::{Global, Scheduler};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a `scheduler` command.
pub(crate) async fn run(command: Scheduler, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let answer = match command {
        Scheduler::Pause { reason } => {
            let body = json!({ "reason": reason.unwrap_or_default() });
            client.call("POST", "/admin/scheduler/pause", Some(&body)).await
        }
        Scheduler::Resume => client.call("POST", "/admin/scheduler/resume", None).await,
        Scheduler::Maintenance(command) => {
            let outcome = super::holds::maintenance(&client, global, command).await;
            client.close().await;
            return outcome;
        }
        Scheduler::Status => client.call("GET", "/admin/scheduler", None).await,
    };
    client.close().await;
    let answer = answer?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let mut text = format!("scheduler: {}", field(&answer, "scheduler"));
    if answer["paused_by"].is_string() {
        text.push_str(&format!("\npaused by {} at {}", field(&answer, "paused_by"), field(&answer, "paused_at")));
        if !field(&answer, "pause_reason").is_empty() {
            text.push_str(&format!(": {}", field(&answer, "pause_reason")));
        }
    }
    for window in answer["maintenance"].as_array().into_iter().flatten() {
        text.push_str(&format!("\n{}", super::holds::told(window)));
    }
    say(&text)?;
    standing(&answer)?;
    Ok(Exit::Fine)
}

/// Who shares the store, and who has the lease; only a status says that.
fn standing(answer: &Json) -> Result<(), Failure> {
    let Some(replicas) = answer["replicas"].as_array() else { return Ok(()) };
    let lease = &answer["lease"];
    let holder = lease["holder"].as_str().unwrap_or("nobody");
    let term = lease["term"].as_u64().map(|term| format!(", term {term}")).unwrap_or_default();
    say(&format!("lease: {holder}{term}"))?;
    for (key, word) in [("problems", "problem"), ("notes", "note")] {
        for text in answer[key].as_array().into_iter().flatten().filter_map(Json::as_str) {
            say(&format!("{word}: {text}"))?;
        }
    }
    let row = |replica: &Json| {
        let labels: Vec<&str> = replica["labels"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        let scheduler = match (replica["lease"].as_bool(), replica["scheduler_enabled"].as_bool()) {
            (Some(true), _) => "active",
            (_, Some(true)) => "standby",
            _ => "off",
        };
        let runs = format!("{}/{}", replica["running"], replica["room"]);
        let text = |key: &str| or_dash(field(replica, key));
        let labels = or_dash(&labels.join(","));
        vec![
            text("owner"),
            text("role"),
            scheduler.to_owned(),
            runs,
            labels,
            text("url"),
            text("version"),
            text("seen_at"),
        ]
    };
    let header = ["PROCESS", "ROLE", "SCHEDULER", "RUNS", "LABELS", "LISTENS ON", "VERSION", "SEEN"];
    say(&table::render(&header, &replicas.iter().map(row).collect::<Vec<_>>()))
}

/// `nomaflow job why`.
pub(crate) async fn why(client: &Client, global: &Global, id: &str, at: Option<&str>, limit: u32) -> Outcome {
    let at = at.map(|at| format!("&at={}", escape(at))).unwrap_or_default();
    let answer = client.call("GET", &format!("/admin/jobs/{}/why?limit={limit}{at}", escape(id)), None).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let row = |found: &Json| ["local", "schedule", "text"].map(|key| or_dash(field(found, key))).to_vec();
    let rows: Vec<Vec<String>> = answer["answers"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say("the ledger has no slot of this job")?;
        if !answer["nearest"]["after"].is_object() {
            // No schedule, or one that never fires: the answer about the next fires says which.
            let next = client.call("GET", &format!("/admin/jobs/{}/next?count=1", escape(id)), None).await?;
            if let Some(reason) = next["reason"].as_str() {
                say(reason)?;
            }
        }
    } else {
        say(&table::render(&["DUE", "SCHEDULE", "WHY"], &rows))?;
    }
    for (key, word) in [("before", "due before"), ("after", "due next")] {
        let due = &answer["nearest"][key];
        if due.is_object() {
            let off = if due["enabled"] == true { "" } else { ", but off" };
            say(&format!("{word}: {} ({}{off})", field(due, "local"), field(due, "schedule")))?;
        }
    }
    Ok(Exit::Fine)
}
