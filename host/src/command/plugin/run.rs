//! `nomaflow plugin run FILE CALLABLE`: one call in the sandbox. The result goes to standard output, the log of the call
//! to standard error.

use std::sync::Arc;
use std::time::Duration;

use host_catalogue::{LoadOptions, load, system_zone};
use host_model::connector::ConnectorSet;
use host_model::log::LogLevel;
use host_model::port::StepFailure;
use host_model::{CancelToken, Json, JsonMap, StepErrorKind};
use serde_json::json;

use super::workbench::{Aloud, Workbench};
use crate::cli::{Global, PluginRunArgs};
use crate::command::job::{interrupted, pair};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::say;

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
    let bench = Workbench::new(&args.file).await?;
    bench.equip(&grants, connectors(&home))?;
    let cancel = CancelToken::new();
    let level = if args.verbose { LogLevel::Debug } else { LogLevel::Info };
    let timeout = Duration::from_secs(args.timeout);
    let ended = {
        let call = bench.call(&args.callable, params, Arc::new(Aloud), level, timeout, cancel.clone());
        let mut call = std::pin::pin!(call);
        tokio::select! {
            ended = &mut call => ended,
            () = interrupted() => {
                cancel.cancel("interrupted");
                call.await
            }
        }
    };
    bench.close().await;
    match ended {
        Ok(outcome) => {
            if args.verbose {
                eprintln!("used    {}", Json::Object(outcome.usage.unwrap_or_default()));
            }
            let output = Json::Object(outcome.output);
            say(&if global.json { output.to_string() } else { format!("{output:#}") })?;
            Ok(Exit::Fine)
        }
        Err(failure) => fail(failure, global.json),
    }
}

/// The connectors of the home, if it is one: a callable without connectors needs no home.
fn connectors(home: &Home) -> ConnectorSet {
    if !home.path().join("connectors.toml").is_file() {
        return ConnectorSet::default();
    }
    // Jobs are not looked at, so the folder they are in is one that is empty.
    let options = LoadOptions {
        plugins_dir: Some(home.path().join("data/no-plugins")),
        env: &env,
        default_zone: system_zone(),
        components: None,
    };
    load(home.path(), &options).connectors
}

fn fail(failure: StepFailure, is_json: bool) -> Outcome {
    let error = failure.error;
    let exit = match error.kind {
        StepErrorKind::Denied => Exit::Denied,
        StepErrorKind::Definition => Exit::Invalid,
        _ => Exit::RunFailed,
    };
    if is_json {
        say(&json!({ "kind": error.kind.as_str(), "error": error.message, "detail": error.detail }).to_string())?;
        return Ok(exit);
    }
    if !error.detail.is_empty() {
        eprintln!("{}", error.detail);
    }
    Err(Failure::new(exit, error.message))
}
