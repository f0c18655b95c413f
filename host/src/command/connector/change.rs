//! `nomaflow connector add|set|remove|rename`: through the API, so that a server knows at once, passwords are sealed, and
//! who changed what stands in the audit trail.

use host_model::{Json, JsonMap};
use serde_json::json;

use crate::cli::{ChangeArgs, Global};
use crate::client::{Client, escape};
use crate::command::secret::read_value;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

async fn call(
    global: &Global,
    method: &str,
    path: &str,
    body: Option<&Json>,
    etag: Option<&str>,
) -> Result<Json, Failure> {
    let client = Client::open(global).await?;
    let headers: Vec<(&str, &str)> = etag.map(|etag| ("if-match", etag)).into_iter().collect();
    let answer = client.call_with(method, path, body, &headers).await;
    client.close().await;
    answer
}

fn of(name: &str) -> String {
    format!("/admin/connectors/{}", escape(name))
}

/// Prints the answer, or `text` for people.
fn done(answer: &Json, text: &str, global: &Global) -> Outcome {
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    for warning in answer["warnings"].as_array().into_iter().flatten() {
        say(&format!("warning: {}", field(warning, "message")))?;
    }
    say(text)?;
    Ok(Exit::Fine)
}

/// A number, `true`, `false`, or text.
fn value_of(text: &str) -> Json {
    match serde_json::from_str(text) {
        Ok(value @ (Json::Number(_) | Json::Bool(_))) => value,
        _ => text.into(),
    }
}

/// Lays the keys of the command over those that are there.
fn lay_over(args: &ChangeArgs, values: &mut JsonMap) -> Result<(), Failure> {
    if let Some(url) = &args.url {
        values.insert("url".to_owned(), url.as_str().into());
    }
    for pair in &args.keys {
        let (key, text) = pair.split_once('=').ok_or_else(|| {
            Failure::new(Exit::Usage, format!("`{pair}` is no key with a value")).hint("write --key pool_size=10")
        })?;
        if text.is_empty() {
            values.remove(key);
        } else {
            values.insert(key.to_owned(), value_of(text));
        }
    }
    Ok(())
}

fn secrets(args: &ChangeArgs) -> Result<Json, Failure> {
    if args.password {
        return Ok(json!({ "password": { "set": read_value("the password")? } }));
    }
    Ok(if args.no_password { json!({ "password": { "clear": true } }) } else { json!({}) })
}

fn map(value: &Json) -> JsonMap {
    value.as_object().cloned().unwrap_or_default()
}

/// `connector add`
pub(super) async fn add(args: &ChangeArgs, global: &Global) -> Outcome {
    let mut values = JsonMap::new();
    lay_over(args, &mut values)?;
    let url = values.get("url").and_then(Json::as_str).unwrap_or_default();
    let is_directory = url.starts_with("ldap:") || url.starts_with("ldaps:");
    let mut body = json!({ "name": args.name, "secrets": secrets(args)? });
    if is_directory {
        values.insert("type".to_owned(), "ldap".into());
        body["connector"] = Json::Object(values);
    } else {
        body["connector"] = match &args.pool {
            Some(pool) => json!({ "type": "sql", "pool": pool }),
            None => json!({ "type": "sql" }),
        };
        if args.pool.is_none() {
            body["pool"] = Json::Object(values);
        }
    }
    let answer = call(global, "POST", "/admin/connectors", Some(&body), None).await?;
    done(&answer, &format!("connector `{}` is declared", args.name), global)
}

/// `connector set`
pub(super) async fn set(args: &ChangeArgs, global: &Global) -> Outcome {
    let now = call(global, "GET", &of(&args.name), None, None).await?;
    let mut connector = map(&now["connector"]);
    let mut body = json!({ "secrets": secrets(args)? });
    if connector.get("type").and_then(Json::as_str) == Some("ldap") {
        lay_over(args, &mut connector)?;
    } else if let Some(pool) = &args.pool {
        connector.insert("pool".to_owned(), pool.as_str().into());
    } else {
        let mut values = map(&now["pool"]["values"]);
        lay_over(args, &mut values)?;
        body["pool"] = Json::Object(values);
    }
    body["connector"] = Json::Object(connector);
    let etag = format!("\"{}\"", field(&now, "etag"));
    let answer = call(global, "PUT", &of(&args.name), Some(&body), Some(&etag)).await?;
    done(&answer, &format!("connector `{}` is saved", args.name), global)
}

/// `connector remove`
pub(super) async fn remove(name: &str, global: &Global) -> Outcome {
    let answer = call(global, "DELETE", &of(name), None, None).await?;
    done(&answer, &format!("connector `{name}` is taken out"), global)
}

/// `connector rename`
pub(super) async fn rename(name: &str, to: &str, dry_run: bool, global: &Global) -> Outcome {
    let body = json!({ "to": to, "dry_run": dry_run });
    let answer = call(global, "POST", &format!("{}/rename", of(name)), Some(&body), None).await?;
    let who = answer["references"].as_array().into_iter().flatten();
    let mut text: Vec<String> = who
        .map(|found| {
            let places = found["places"].as_array().into_iter().flatten().filter_map(Json::as_str);
            let places = places.collect::<Vec<_>>().join(", ");
            format!("{} {} ({}: {places})", field(found, "kind"), field(found, "name"), field(found, "file"))
        })
        .collect();
    text.push(match (dry_run, text.len()) {
        (true, 0) => format!("nobody names `{name}`; nothing was changed"),
        (true, _) => format!("these name `{name}`; nothing was changed"),
        (false, 0) => format!("connector `{name}` is called `{to}` now"),
        (false, _) => format!("connector `{name}` is called `{to}` now, there too"),
    });
    done(&answer, &text.join("\n"), global)
}
