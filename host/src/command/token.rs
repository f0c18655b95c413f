//! `nomaflow token …`, `login` and `logout`. A sign-in of this machine is an API token, kept by `credentials` for the
//! address of its server.

use anyhow::Context as _;
use host_model::Json;
use serde_json::json;

use super::table::{self, or_dash};
use super::user::{call, call_giving, joined};
use crate::cli::{Global, LoginArgs, Token};
use crate::client::{Client, escape};
use crate::credentials;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a `token` command.
pub(crate) async fn run(command: Token, global: &Global) -> Outcome {
    match command {
        Token::Create { name, permissions, days, never, user } => {
            let mut body = json!({ "name": name, "never_expires": never });
            if !permissions.is_empty() {
                body["permissions"] = json!(&permissions);
            }
            if let Some(days) = days {
                body["expires_in_days"] = days.into();
            }
            if let Some(user) = user {
                body["user"] = user.into();
            }
            let answer = call_giving(&permissions, "POST", "/admin/tokens", &body, global).await?;
            if global.json {
                say(&answer.to_string())?;
                return Ok(Exit::Fine);
            }
            let until = match field(&answer, "expires_at") {
                "" => "until it is revoked".to_owned(),
                at => format!("until {at}"),
            };
            say(&format!("token {} of `{}`, {until}; shown this once:", field(&answer, "id"), field(&answer, "user")))?;
            say(field(&answer, "secret"))?;
            Ok(Exit::Fine)
        }
        Token::List { all } => list(all, global).await,
        Token::Revoke { id } => {
            let answer = call("DELETE", &format!("/admin/tokens/{}", escape(&id)), None, global).await?;
            say(&if global.json { answer.to_string() } else { format!("token {id} is revoked") })?;
            Ok(Exit::Fine)
        }
    }
}

async fn list(all: bool, global: &Global) -> Outcome {
    let path = if all { "/admin/tokens?all=true" } else { "/admin/tokens" };
    let answer = call("GET", path, None, global).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let row = |token: &Json| {
        let text = |key: &str| or_dash(field(token, key));
        let expires = if token["expires_at"].is_null() { "never".to_owned() } else { text("expires_at") };
        let from = text("last_used_from");
        vec![text("id"), text("name"), text("user"), joined(token, "permissions"), expires, text("last_used_at"), from]
    };
    let rows: Vec<Vec<String>> = answer["tokens"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say("there are no tokens; `nomaflow token create NAME` makes one")?;
        return Ok(Exit::Fine);
    }
    say(&table::render(&["ID", "NAME", "USER", "MAY", "EXPIRES", "LAST USED", "FROM"], &rows))?;
    Ok(Exit::Fine)
}

/// `nomaflow login`: user and password once, and a token of this machine from then on.
pub(crate) async fn login(args: LoginArgs, global: &Global) -> Outcome {
    let mut client = remote(global).await?;
    let user = match args.user {
        Some(user) => user,
        None => ask_line("user: ")?,
    };
    let password = read_secret("password: ", || Failure::new(Exit::Usage, "standard input has no password"))?;
    // What this machine has already says nothing about who signs in now.
    client.set_token(None);
    let body = json!({ "user": user, "password": password });
    let answer = client.call("POST", "/auth/login", Some(&body)).await?;
    client.set_token(Some(field(&answer, "access_token").to_owned()));
    let made = async {
        if answer["must_change_password"] == true {
            let new = read_secret("this password was given to you; a new one: ", || {
                let text = format!("the password of `{user}` is to be changed, and standard input has no new one");
                Failure::new(Exit::Usage, text).hint("two lines: the password that was given, then a new one")
            })?;
            client.call("POST", "/auth/password", Some(&json!({ "old": password, "new": new }))).await?;
        }
        let name = format!("command line of {}", crate::client::shell_user());
        let wanted = json!({ "name": name, "expires_in_days": args.days });
        client.call("POST", "/admin/tokens", Some(&wanted)).await
    }
    .await;
    // The session was only for this, whatever came of it.
    let _ = client.call("POST", "/auth/logout", None).await;
    let made = made?;
    let secret = field(&made, "secret");
    if args.print {
        say(secret)?;
        return Ok(Exit::Fine);
    }
    let base = client.base().unwrap_or_default();
    let file = credentials::keep(&base, secret)?;
    let text = format!("signed in to {base} as `{}` until {}", field(&made, "user"), field(&made, "expires_at"));
    say(&if global.json {
        json!({ "server": base, "user": made["user"], "expires_at": made["expires_at"] }).to_string()
    } else {
        format!("{text}; the token is in {}", file.display())
    })?;
    Ok(Exit::Fine)
}

/// `nomaflow logout`: revokes the token of this machine, and forgets it.
pub(crate) async fn logout(global: &Global) -> Outcome {
    let mut client = remote(global).await?;
    let base = client.base().unwrap_or_default();
    let Some(token) = credentials::find(&base) else {
        return Err(Failure::new(Exit::NotFound, format!("this machine is not signed in to {base}")));
    };
    client.set_token(Some(token));
    let revoked = client.call("POST", "/auth/logout", None).await;
    credentials::forget(&base)?;
    revoked?;
    say(&if global.json { json!({ "server": base }).to_string() } else { format!("signed out of {base}") })?;
    Ok(Exit::Fine)
}

async fn remote(global: &Global) -> Result<Client, Failure> {
    if global.local {
        return Err(Failure::new(
            Exit::Usage,
            "there is nothing to sign in to with --local: it works on the home itself",
        ));
    }
    Client::open(global).await
}

/// A line that is not shown; of a pipe the next line, or what is to be said when there is none.
fn read_secret(prompt: &str, none: impl FnOnce() -> Failure) -> Result<String, Failure> {
    use std::io::IsTerminal as _;
    if std::io::stdin().is_terminal() {
        return Ok(rpassword::prompt_password(prompt).context("cannot read the terminal")?);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("standard input is not UTF-8 text")?;
    match line.trim_end_matches(['\n', '\r']) {
        "" => Err(none()),
        text => Ok(text.to_owned()),
    }
}

fn ask_line(prompt: &str) -> Result<String, Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "who signs in? give --user NAME"));
    }
    eprint!("{prompt}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(anyhow::Error::from)?;
    Ok(line.trim().to_owned())
}
