//! `nomaflow plugin run FILE CALLABLE`: one call in the sandbox. The result goes to standard output, the log of the call
//! to standard error.

use std::sync::Arc;
use std::time::Duration;

use host_catalogue::{Flags, LoadOptions, SecretReader, load, system_zone};
use host_model::connector::ConnectorSet;
use host_model::log::LogLevel;
use host_model::port::{Secrets, StepFailure};
use host_model::{CancelToken, Json, JsonMap, StepErrorKind};
use serde_json::json;

use super::workbench::{Aloud, NoSecrets, Place, Workbench};
use crate::assemble::open_store;
use crate::cli::{Global, PluginRunArgs};
use crate::command::job::{interrupted, pair};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::say;
use crate::vault::book::SecretBook;
use crate::watch::usage_line;

pub(super) async fn run(args: &PluginRunArgs, global: &Global) -> Outcome {
    let mut params = JsonMap::new();
    for text in &args.params {
        let (key, value) = pair(text)?;
        params.insert(key.to_owned(), value);
    }
    let home = Home::new(&global.home);
    let beside = std::fs::read_to_string(args.file.with_extension("toml")).unwrap_or_default();
    let place = std::path::absolute(home.path()).unwrap_or_else(|_| home.path().to_owned());
    let grants = plugin_builder::merge_grants(&beside, &args.grants, &args.limits, &place)
        .map_err(|error| Failure { exit: Exit::Usage, error, hint: None })?;
    let secrets = secrets(&home).await?;
    let found: Arc<dyn Secrets> = match &secrets {
        Some(book) => book.clone(),
        None => Arc::new(NoSecrets),
    };
    let bench = Workbench::new(&args.file, found).await?;
    bench.ensure_callable(&args.callable)?;
    bench.equip(&grants, connectors(&home, secrets.as_deref().map(|book| book as &dyn SecretReader)))?;
    let cancel = CancelToken::new();
    let level = if args.verbose { LogLevel::Debug } else { LogLevel::Info };
    let timeout = Duration::from_secs(args.timeout);
    let ended = {
        let call =
            bench.call(&args.callable, params, Arc::new(Aloud(bench.place.clone())), level, timeout, cancel.clone());
        let mut call = std::pin::pin!(call);
        tokio::select! {
            ended = &mut call => ended,
            () = interrupted() => {
                cancel.cancel("interrupted");
                call.await
            }
        }
    };
    let place = bench.place.clone();
    bench.close().await;
    match ended {
        Ok(outcome) => {
            let (output, usage) = (Json::Object(outcome.output), outcome.usage.map(Json::Object));
            if global.json {
                say(&json!({ "output": output, "usage": usage }).to_string())?;
            } else {
                tell_usage(usage.as_ref());
                say(&format!("{output:#}"))?;
            }
            Ok(Exit::Fine)
        }
        Err(failure) => fail(failure, &place, global.json),
    }
}

/// Beside the log, so that the result is alone on standard output.
fn tell_usage(usage: Option<&Json>) {
    if let Some(usage) = usage {
        eprintln!("{:<7} {}", "USED", usage_line(usage));
    }
}

/// The secrets of the home, if it is one that was used.
async fn secrets(home: &Home) -> Result<Option<Arc<SecretBook>>, Failure> {
    if !home.path().join("app.toml").is_file() || !home.path().join("data").is_dir() {
        return Ok(None);
    }
    let settings = home.settings(&Flags::default())?.settings;
    let (roles, book) = open_store(home, &settings).await?;
    // What is needed is at hand in the book.
    let _ = roles.store.close().await;
    Ok(Some(Arc::new(book)))
}

/// The connectors of the home, if it is one: a callable without connectors needs no home.
fn connectors(home: &Home, secrets: Option<&dyn SecretReader>) -> ConnectorSet {
    if !home.path().join("connectors.toml").is_file() {
        return ConnectorSet::default();
    }
    // Jobs are not looked at, so the folder they are in is one that is empty.
    let options = LoadOptions {
        plugins_dir: Some(home.path().join("data/no-plugins")),
        env: &env,
        secrets,
        default_zone: system_zone(),
        components: None,
    };
    load(home.path(), &options).connectors
}

fn fail(failure: StepFailure, place: &Place, is_json: bool) -> Outcome {
    let (error, usage) = (failure.error, failure.usage.map(Json::Object));
    let (message, detail) = (place.name(&error.message), place.name(&error.detail));
    let exit = match error.kind {
        StepErrorKind::Denied => Exit::Denied,
        StepErrorKind::Definition => Exit::Invalid,
        _ => Exit::RunFailed,
    };
    if is_json {
        let told = json!({ "kind": error.kind.as_str(), "message": message, "detail": detail });
        say(&json!({ "error": told, "usage": usage }).to_string())?;
        return Ok(exit);
    }
    tell_usage(usage.as_ref());
    if !detail.is_empty() {
        eprintln!("{detail}");
    }
    let failure = Failure::new(exit, message);
    Err(match exit {
        Exit::Denied => failure.hint("for this call alone, `--grant PATH=VALUE` grants it"),
        _ => failure,
    })
}
