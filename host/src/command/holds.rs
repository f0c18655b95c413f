//! `nomaflow job skip-next` and `nomaflow scheduler maintenance …`: what holds schedules back for a while.

use host_model::Json;
use serde_json::json;

use super::table::{self, or_dash};
use crate::cli::{Global, Maintenance, SkipArgs};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::{field, wall};

/// `nomaflow job skip-next`.
pub(crate) async fn skip_next(client: &Client, global: &Global, args: &SkipArgs) -> Outcome {
    let (id, SkipArgs { schedule, at, undo, .. }) = (escape(&args.id), args);
    let name = match schedule {
        Some(name) => name.clone(),
        None => next_schedule(client, &args.id).await?,
    };
    let path = format!("/admin/jobs/{id}/schedules/{}/skip", escape(&name));
    let answer = match at {
        Some(at) if *undo => client.call("DELETE", &format!("{path}?due_at={}", escape(at)), None).await?,
        at => client.call("POST", &path, Some(&json!({ "due_at": at }))).await?,
    };
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let job = client.call("GET", &format!("/admin/jobs/{id}"), None).await?;
    let of_name = job["schedules"].as_array().into_iter().flatten().find(|found| field(found, "name") == name);
    let zone = of_name.map(|found| field(found, "timezone")).unwrap_or_default();
    let (local, next) = (field(&answer, "local"), or_dash(&wall(field(&answer, "next"), zone)));
    let what = if *undo { "is not skipped any more" } else { "will be skipped" };
    say(&format!("schedule {name} of job {}: the fire of {local} {what}; next fire {next}", args.id))?;
    Ok(Exit::Fine)
}

/// The schedule of a job that fires next.
async fn next_schedule(client: &Client, id: &str) -> Result<String, Failure> {
    let answer = client.call("GET", &format!("/admin/jobs/{}/next?count=1", escape(id)), None).await?;
    match answer["next"].get(0) {
        Some(next) => Ok(field(next, "schedule").to_owned()),
        None => {
            let why = or_dash(field(&answer, "reason"));
            Err(Failure::new(Exit::NotFound, format!("there is nothing to skip: {why}")))
        }
    }
}

/// `nomaflow scheduler maintenance …`.
pub(crate) async fn maintenance(client: &Client, global: &Global, command: Maintenance) -> Outcome {
    let answer = match command {
        Maintenance::List => client.call("GET", "/admin/maintenance", None).await?,
        Maintenance::Add { from, to, timezone, reason } => {
            let body = json!({ "from": from, "to": to, "zone": timezone, "reason": reason });
            client.call("POST", "/admin/maintenance", Some(&body)).await?
        }
        Maintenance::End { id } => client.call("DELETE", &format!("/admin/maintenance/{}", escape(&id)), None).await?,
    };
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let Some(windows) = answer["maintenance"].as_array() else {
        if !field(&answer, "to").is_empty() && field(&answer, "to") == field(&answer, "from") {
            say(&format!("maintenance {} is taken back: it had not begun", field(&answer, "id")))?;
            return Ok(Exit::Fine);
        }
        say(&told(&answer))?;
        return Ok(Exit::Fine);
    };
    let row =
        |window: &Json| ["id", "state", "from", "to", "created_by", "reason"].map(|key| or_dash(field(window, key)));
    let rows: Vec<Vec<String>> = windows.iter().map(|window| row(window).to_vec()).collect();
    say(&table::render(&["ID", "STATE", "FROM", "TO", "BY", "REASON"], &rows))?;
    Ok(Exit::Fine)
}

/// A window in one line.
pub(crate) fn told(window: &Json) -> String {
    let reason = match field(window, "reason") {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let [id, state, from, to, by] = ["id", "state", "from", "to", "created_by"].map(|key| field(window, key));
    format!("maintenance {id} ({state}) from {from} to {to}, by {by}{reason}")
}
