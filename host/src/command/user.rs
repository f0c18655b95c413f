//! `nomaflow user …`, through the API, like everything a server has; with `--local` on the store of the home.

use host_model::Json;
use host_model::diagnostic::nearest;
use serde_json::json;

use super::secret::read_value;
use super::table::{self, or_dash};
use crate::cli::{Global, User};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a `user` command.
pub(crate) async fn run(command: User, global: &Global) -> Outcome {
    match command {
        User::Add { name, display_name, permissions, password_stdin } => {
            let password = password_stdin.then(|| read_value("the first password")).transpose()?;
            let mut body = json!({ "name": name, "permissions": &permissions });
            if let Some(text) = display_name {
                body["display_name"] = text.into();
            }
            if let Some(password) = password {
                body["password"] = password.into();
            }
            let answer = call_giving(&permissions, "POST", "/admin/users", &body, global).await?;
            done(&answer, &format!("made the user `{}`", field(&answer, "name")), global)
        }
        User::List => list(global).await,
        User::Disable { name } => change(&name, &json!({ "disabled": true }), "is disabled", global).await,
        User::Enable { name } => change(&name, &json!({ "disabled": false }), "may sign in", global).await,
        User::Password { name } => {
            let answer = call("POST", &format!("{}/password", path(&name)), None, global).await?;
            done(&answer, &format!("`{}` is signed out", field(&answer, "name")), global)
        }
        User::Grant { name, permissions } => {
            let body = json!({ "grant": &permissions });
            let answer = call_giving(&permissions, "PATCH", &path(&name), &body, global).await?;
            done(&answer, &may(&answer), global)
        }
        User::Revoke { name, permissions } => change(&name, &json!({ "revoke": permissions }), "", global).await,
        User::Delete { name } => {
            let answer = call("DELETE", &path(&name), None, global).await?;
            done(&answer, &format!("deleted the user `{}`", field(&answer, "name")), global)
        }
    }
}

fn path(name: &str) -> String {
    format!("/admin/users/{}", escape(name))
}

pub(crate) async fn call(method: &str, path: &str, body: Option<&Json>, global: &Global) -> Result<Json, Failure> {
    let client = Client::open(global).await?;
    let answer = client.call(method, path, body).await;
    client.close().await;
    answer
}

/// One call that gives somebody `permissions`. Those of a job that is not there are told: they may be for a job to come, but
/// more often they are a slip of the hand, and who has them sees nothing.
pub(super) async fn call_giving(
    permissions: &[String],
    method: &str,
    path: &str,
    body: &Json,
    global: &Global,
) -> Result<Json, Failure> {
    let client = Client::open(global).await?;
    let answer = client.call(method, path, Some(body)).await;
    if answer.is_ok() && !global.json {
        warn_of_strangers(permissions, &client).await;
    }
    client.close().await;
    answer
}

async fn warn_of_strangers(permissions: &[String], client: &Client) {
    let named: Vec<&str> =
        permissions.iter().filter_map(|one| one.strip_prefix("job:")).filter(|id| *id != "*").collect();
    if named.is_empty() {
        return;
    }
    // What was asked for is done; that the list cannot be read now changes nothing about it.
    let Ok(answer) = client.call("GET", "/admin/jobs", None).await else { return };
    let ids: Vec<&str> = answer["jobs"].as_array().into_iter().flatten().map(|job| field(job, "id")).collect();
    for stranger in named.into_iter().filter(|id| !ids.contains(id)) {
        let near = nearest(stranger, ids.iter().copied()).map(|near| format!("; did you mean `job:{near}`?"));
        eprintln!("warning: there is no job `{stranger}`{}", near.unwrap_or_default());
    }
}

/// Permissions, or whatever else is a list of texts, in one cell.
pub(super) fn joined(json: &Json, key: &str) -> String {
    let texts: Vec<&str> = json[key].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    or_dash(&texts.join(" "))
}

fn done(answer: &Json, text: &str, global: &Global) -> Outcome {
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    say(text)?;
    let password = field(answer, "one_time_password");
    if !password.is_empty() {
        say(&format!("one-time password, to be changed at the first sign-in: {password}"))?;
        say(&format!("or a link to choose one with, at the address of the server: {}", field(answer, "setup_path")))?;
    }
    Ok(Exit::Fine)
}

fn may(answer: &Json) -> String {
    format!("`{}` may: {}", field(answer, "name"), joined(answer, "permissions"))
}

async fn change(name: &str, body: &Json, what: &str, global: &Global) -> Outcome {
    let answer = call("PATCH", &path(name), Some(body), global).await?;
    let text = match what {
        "" => may(&answer),
        what => format!("`{}` {what}", field(&answer, "name")),
    };
    done(&answer, &text, global)
}

async fn list(global: &Global) -> Outcome {
    let answer = call("GET", "/admin/users", None, global).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let row = |user: &Json| {
        let state = match (user["disabled"] == true, user["must_change_password"] == true) {
            (true, _) => "disabled",
            (_, true) => "one-time password",
            _ => "",
        };
        let mut may = joined(user, "permissions");
        let groups = joined(user, "permissions_from_groups");
        if groups != "-" {
            may = format!("{may} (groups: {groups})");
        }
        let text = |key: &str| or_dash(field(user, key));
        vec![text("name"), text("display_name"), text("source"), may, or_dash(state), text("last_sign_in")]
    };
    let rows: Vec<Vec<String>> = answer["users"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say("there are no users yet; the first start of a server makes `admin`, and so does `nomaflow user add`")?;
        return Ok(Exit::Fine);
    }
    say(&table::render(&["NAME", "FULL NAME", "SOURCE", "MAY", "STATE", "LAST SIGN-IN"], &rows))?;
    Ok(Exit::Fine)
}
