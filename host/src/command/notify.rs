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
        Notify::Deliveries { transport, outcome, limit } => {
            let pick = |key: &str, value: &Option<String>| {
                value.as_deref().map(|value| format!("&{key}={}", escape(value))).unwrap_or_default()
            };
            let (transport, outcome) = (pick("transport", transport), pick("outcome", outcome));
            client.call("GET", &format!("{base}/deliveries?limit={limit}{transport}{outcome}"), None).await
        }
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
            Notify::Deliveries { .. } => deliveries(&answer)?,
            Notify::Resend { .. } => say(&format!("it goes out again as delivery {}", field(&answer, "id")))?,
        }
    }
    Ok(if is_failed { Exit::RunFailed } else { Exit::Fine })
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
            "there are no transports; declare one under [notifications.transports] in app.toml, or in the page",
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
