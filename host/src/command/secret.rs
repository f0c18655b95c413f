//! `nomaflow secret …`. What is kept in the store goes through the API, like everything a server has; keys and sealed
//! values of files are the home's own and need no server.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use anyhow::Context as _;
use host_catalogue::Flags;
use serde_json::json;

use super::table;
use crate::assemble::open_store;
use crate::cli::{Global, Secret};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::say;
use crate::vault::book::FILES;
use crate::vault::keys::KeyPlace;
use crate::vault::{MARK, Vault, VaultError};
use crate::watch::field;

/// Runs a `secret` command.
pub(crate) async fn run(command: Secret, global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    match command {
        Secret::Set { name } => set(&name, global).await,
        Secret::List => list(global).await,
        Secret::Delete { name } => {
            call("DELETE", &name, None, global).await?;
            done(&format!("secret `{name}` is deleted"), global)
        }
        Secret::Encrypt => {
            let value = read_value("the value to seal")?;
            say(&vault(&home)?.seal(FILES, &value).map_err(closed)?)?;
            Ok(Exit::Fine)
        }
        Secret::Decrypt => {
            let sealed = read_value("the sealed value, ENC:…")?;
            say(&vault(&home)?.unseal(FILES, sealed.trim()).map_err(closed)?)?;
            Ok(Exit::Fine)
        }
        Secret::Genkey => {
            let place = KeyPlace::find(home.path(), env).map_err(|error| closed(error.into()))?;
            place.generate().map_err(|error| closed(error.into()))?;
            done(&format!("made {place}; keep a copy of it with every backup"), global)
        }
        Secret::Rotate { keep_old } => rotate(&home, keep_old, global).await,
    }
}

fn vault(home: &Home) -> Result<Vault, Failure> {
    Vault::open(home.path(), env).map_err(|error| closed(error.into()))
}

fn closed(error: VaultError) -> Failure {
    Failure { exit: Exit::Invalid, error: error.into(), hint: None }
}

fn done(text: &str, global: &Global) -> Outcome {
    say(&if global.json { json!({ "done": text }).to_string() } else { text.to_owned() })?;
    Ok(Exit::Fine)
}

/// Standard input to its end, without the line break a shell puts there. On a terminal one line, which is not shown.
fn read_value(what: &str) -> Result<String, Failure> {
    let input = std::io::stdin();
    let mut text = String::new();
    if input.is_terminal() {
        let prompt = format!("{what} (not shown): ");
        text = rpassword::prompt_password(prompt).context("cannot read the terminal")?;
    } else {
        let read = input.lock().read_to_string(&mut text);
        read.context("standard input is not UTF-8 text; encode it, for example with base64")?;
    }
    let value = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if value.is_empty() {
        return Err(Failure::new(Exit::Usage, "standard input is empty").hint(format!("pipe {what} into this command")));
    }
    Ok(value.to_owned())
}

async fn call(method: &str, name: &str, body: Option<serde_json::Value>, global: &Global) -> Result<(), Failure> {
    let client = Client::open(global).await?;
    let answer = client.call(method, &format!("/admin/secrets/{}", escape(name)), body.as_ref()).await;
    client.close().await;
    answer.map(drop)
}

async fn set(name: &str, global: &Global) -> Outcome {
    let value = read_value("the secret")?;
    call("PUT", name, Some(json!({ "value": value })), global).await?;
    done(&format!("secret `{name}` is set; write ${{secret.{name}}} where it is needed"), global)
}

async fn list(global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let answer = client.call("GET", "/admin/secrets", None).await;
    client.close().await;
    let answer = answer?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let secrets = answer["secrets"].as_array().map(Vec::as_slice).unwrap_or_default();
    if secrets.is_empty() {
        say("there are no secrets; `nomaflow secret set NAME` keeps one")?;
        return Ok(Exit::Fine);
    }
    let row = |secret| ["name", "updated_at", "updated_by"].map(|key| field(secret, key).to_owned()).to_vec();
    let rows: Vec<Vec<String>> = secrets.iter().map(row).collect();
    say(&table::render(&["NAME", "UPDATED", "BY"], &rows))?;
    Ok(Exit::Fine)
}

async fn rotate(home: &Home, keep_old: bool, global: &Global) -> Outcome {
    let settings = home.settings(&Flags::default())?.settings;
    let (roles, book) = open_store(home, &settings).await?;
    let ended = rotate_in(home.path(), &book, keep_old).await;
    let _ = roles.store.close().await;
    done(&ended?, global)
}

/// The new key is in the file before anything is sealed with it, and the old ones leave it after everything is: a crash
/// in between leaves all keys in the file, and the command can be given again.
async fn rotate_in(home: &Path, book: &crate::vault::book::SecretBook, keep_old: bool) -> Result<String, Failure> {
    let vault = book.vault();
    vault.add_key().map_err(closed)?;
    let stored = book.reseal().await.context("the store does not answer")?.map_err(closed)?;
    // Passwords of pools, and of transports for notifications.
    let in_files = reseal_file(&home.join("connectors.toml"), vault)? + reseal_file(&home.join("app.toml"), vault)?;
    let kept = if keep_old {
        "the old keys are kept".to_owned()
    } else {
        let dropped = vault.drop_old_keys().map_err(closed)?;
        format!("{dropped} old keys are gone")
    };
    Ok(format!(
        "new key in {}: {stored} stored secrets and {in_files} values of connectors.toml and app.toml sealed anew, {kept}",
        vault.place()
    ))
}

/// Seals every `ENC:…` of a file anew, and leaves everything else of it as it is. Gives back how many there were.
fn reseal_file(file: &Path, vault: &Vault) -> Result<usize, Failure> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => {
            return Err(anyhow::Error::new(error).context(format!("cannot read `{}`", file.display())).into());
        }
    };
    let (mut out, mut rest, mut count) = (String::new(), text.as_str(), 0);
    while let Some(at) = rest.find(MARK) {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
        let sealed = &rest[at..];
        let sealed = &sealed[..sealed.find(|c| !is_part(c)).unwrap_or(sealed.len())];
        out.push_str(&rest[..at]);
        // What does not open is somebody's text, or a value of another home: it stays as it is.
        match vault.unseal(FILES, sealed).and_then(|_| vault.reseal(FILES, sealed)) {
            Ok(anew) => {
                out.push_str(&anew);
                count += 1;
            }
            Err(_) => out.push_str(sealed),
        }
        rest = &rest[at + sealed.len()..];
    }
    if count == 0 {
        return Ok(0);
    }
    out.push_str(rest);
    let draft = file.with_extension(format!("toml.{}", std::process::id()));
    let cannot = || format!("cannot write `{}`", file.display());
    let rights = std::fs::metadata(file).with_context(cannot)?.permissions();
    std::fs::write(&draft, out).with_context(cannot)?;
    std::fs::set_permissions(&draft, rights).with_context(cannot)?;
    std::fs::rename(&draft, file).with_context(cannot)?;
    Ok(count)
}
