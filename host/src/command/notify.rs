//! `nomaflow notify …`: through the API, like everything a server has.

use host_model::Json;
use serde_json::json;

use super::table::{self, or_dash};
use crate::cli::{Global, Notify};
use crate::client::{Client, escape};
use crate::exit::{Exit, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a `notify` command.
pub(crate) async fn run(command: Notify, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let base = "/admin/notifications";
    let answer = match &command {
        Notify::List => client.call("GET", &format!("{base}/transports"), None).await,
        Notify::Test { name, to } => {
            let body = json!({ "to": to });
            client.call("POST", &format!("{base}/transports/{}/test", escape(name)), Some(&body)).await
        }
        Notify::Preview { name, event, run } => {
            let body = json!({ "name": name, "event": event, "run_id": run });
            client.call("POST", &format!("{base}/previews"), Some(&body)).await
        }
        Notify::Deliveries { transport, outcome, limit } => {
            let pick = |key: &str, value: &Option<String>| {
                value.as_deref().map(|value| format!("&{key}={}", escape(value))).unwrap_or_default()
            };
            let (transport, outcome) = (pick("transport", transport), pick("outcome", outcome));
            client.call("GET", &format!("{base}/deliveries?limit={limit}{transport}{outcome}"), None).await
        }
        Notify::Mute { name, route, minutes, reason } => {
            let body = json!({ "kind": kind(*route), "name": name, "minutes": minutes, "reason": reason });
            client.call("POST", &format!("{base}/mutes"), Some(&body)).await
        }
        Notify::Unmute { name, route } => {
            let body = json!({ "kind": kind(*route), "name": name });
            client.call("POST", &format!("{base}/mutes/end"), Some(&body)).await
        }
        Notify::Mutes => client.call("GET", &format!("{base}/mutes"), None).await,
        Notify::Resend { id } => client.call("POST", &format!("{base}/deliveries/{}/resend", escape(id)), None).await,
    };
    client.close().await;
    let answer = answer?;
    let is_failed = matches!(command, Notify::Test { .. }) && answer["ok"] != true;
    if global.json {
        say(&answer.to_string())?;
    } else {
        match command {
            Notify::List => list(&answer)?,
            Notify::Test { .. } => {
                for line in answer["trace"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                    say(line)?;
                }
            }
            Notify::Preview { .. } => preview(&answer)?,
            Notify::Deliveries { .. } => deliveries(&answer)?,
            Notify::Mute { name, .. } => say(&format!("`{name}` is muted until {}", field(&answer, "until")))?,
            Notify::Unmute { name, .. } => say(&format!("`{name}` is not muted any more"))?,
            Notify::Mutes => mutes(&answer)?,
            Notify::Resend { .. } => say(&format!("it goes out again as delivery {}", field(&answer, "id")))?,
        }
    }
    Ok(if is_failed { Exit::RunFailed } else { Exit::Fine })
}

fn kind(is_route: bool) -> &'static str {
    if is_route { "route" } else { "job" }
}

fn preview(answer: &Json) -> Result<(), crate::exit::Failure> {
    let whose = match (answer["sample"] == true, field(answer, "run_id")) {
        (false, run) => format!("as it would tell of the run {run}"),
        (true, _) => "with values that are made up: no run is like this".to_owned(),
    };
    say(&format!("{}\n{whose}", field(answer, "title")))?;
    if answer["links_missing"] == true {
        say("without links: set `public_url` under [server] in app.toml")?;
    }
    for warning in answer["warnings"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        say(&format!("warning: {warning}"))?;
    }
    for part in answer["parts"].as_array().into_iter().flatten() {
        say(&format!("\n--- {}\n{}", field(part, "media_type"), field(part, "text").trim_end()))?;
    }
    Ok(())
}

fn mutes(answer: &Json) -> Result<(), crate::exit::Failure> {
    let row = |mute: &Json| {
        let text = |key: &str| or_dash(field(mute, key));
        vec![text("kind"), text("name"), text("until"), text("by"), mute["held"].to_string(), text("reason")]
    };
    let rows: Vec<Vec<String>> = answer["mutes"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return say("nothing is muted");
    }
    say(&table::render(&["KIND", "NAME", "UNTIL", "BY", "HELD", "REASON"], &rows))
}

fn list(answer: &Json) -> Result<(), crate::exit::Failure> {
    let row = |transport: &Json| {
        let last = &transport["last_delivery"];
        let state = if transport["enabled"] == true { "on" } else { "off" };
        let text = |value: &Json, key: &str| or_dash(field(value, key));
        vec![
            text(transport, "name"),
            text(transport, "kind"),
            state.to_owned(),
            text(transport, "source"),
            text(transport, "default_recipient"),
            text(last, "outcome"),
            text(last, "at"),
            text(last, "error"),
        ]
    };
    let rows: Vec<Vec<String>> = answer["transports"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return say(
            "there are no transports; declare one under [notifications.transports] in app.toml, which a server reads as it \
             starts, or in the page",
        );
    }
    let header = ["NAME", "KIND", "STATE", "FROM", "DEFAULT", "LAST", "AT", "ERROR"];
    say(&table::render(&header, &rows))?;
    if answer["public_url"].is_null() {
        say("messages have no links: set `public_url` under [server] in app.toml")?;
    }
    Ok(())
}

fn deliveries(answer: &Json) -> Result<(), crate::exit::Failure> {
    let row = |delivery: &Json| {
        let text = |key: &str| or_dash(field(delivery, key));
        let event = match delivery["count"].as_u64() {
            Some(count) if count > 1 => format!("{count} × {}", field(delivery, "event")),
            _ => text("event"),
        };
        vec![
            text("id"),
            text("at"),
            event,
            text("job_id"),
            text("transport"),
            text("recipient"),
            text("outcome"),
            delivery["attempts"].to_string(),
            text("next_attempt_at"),
            text("error"),
        ]
    };
    let rows: Vec<Vec<String>> = answer["deliveries"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return say("no message was sent yet");
    }
    let header = ["ID", "AT", "EVENT", "JOB", "TRANSPORT", "RECIPIENT", "OUTCOME", "ATTEMPTS", "NEXT", "ERROR"];
    say(&table::render(&header, &rows))
}
