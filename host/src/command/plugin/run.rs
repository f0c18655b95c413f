//! `nomaflow plugin run FILE CALLABLE`: one call in the sandbox. The result goes to standard output, the log of the call
//! to standard error.

use std::sync::Arc;
use std::time::Duration;

use host_catalogue::{LoadOptions, SecretReader, load, system_zone};
use host_model::connector::ConnectorSet;
use host_model::log::LogLevel;
use host_model::port::{Secrets, StepFailure};
use host_model::{CancelToken, Json, JsonMap, StepErrorKind};
use host_sandbox::grants::Grants;
use serde_json::json;

use super::workbench::{Aloud, NoSecrets, Place, Workbench, read_grants};
use crate::assemble::home_secrets;
use crate::cli::{Global, PluginRunArgs};
use crate::command::job::{interrupted, pair};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::say;
use crate::watch::{usage_line, visible};

pub(super) async fn run(args: &PluginRunArgs, global: &Global) -> Outcome {
    // Before anything is compiled for the sake of a slip.
    args.params.iter().try_for_each(|text| pair(text).map(drop))?;
    let home = Home::new(&global.home);
    let beside = read_grants(&args.file.with_extension("toml"))?;
    let place = std::path::absolute(home.path()).unwrap_or_else(|_| home.path().to_owned());
    let grants = plugin_builder::merge_grants(&beside, &args.grants, &args.limits, &place)
        .map_err(|error| Failure { exit: Exit::Usage, error, hint: None })?;
    // What stands in the file was sound, so it is what was added that is not.
    Grants::parse(&grants, "").map_err(|problems| {
        let told: Vec<String> = problems.iter().map(|problem| problem.message.clone()).collect();
        let hint = problems.into_iter().find_map(|problem| problem.hint);
        Failure { hint, ..Failure::new(Exit::Invalid, format!("`--grant` or `--limit`: {}", told.join("; "))) }
    })?;
    let secrets = home_secrets(&home).await?;
    let found: Arc<dyn Secrets> = match &secrets {
        Some(book) => book.clone(),
        None => Arc::new(NoSecrets),
    };
    let bench = Workbench::new(&args.file, found).await?;
    let callable = bench.callable(args.callable.as_deref())?;
    let schema: Json = serde_json::from_str(&callable.params_schema).unwrap_or_default();
    let mut params = JsonMap::new();
    for text in &args.params {
        let (key, value) = param(text, &schema)?;
        params.insert(key, value);
    }
    bench.equip(&grants, connectors(&home, secrets.as_deref().map(|book| book as &dyn SecretReader)))?;
    let cancel = CancelToken::new();
    let level = if args.verbose { LogLevel::Debug } else { LogLevel::Info };
    let timeout = Duration::from_secs(args.timeout);
    let ended = {
        let call =
            bench.call(&callable.name, params, Arc::new(Aloud(bench.place.clone())), level, timeout, cancel.clone());
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

/// One `--param`. What the callable takes as text is text, also when it looks like a number.
fn param(text: &str, schema: &Json) -> Result<(String, Json), Failure> {
    let (key, value) = pair(text)?;
    let is_text = schema["properties"][key]["type"] == "string" && !value.is_string();
    let written = text.split_once('=').map_or("", |(_, written)| written);
    Ok((key.to_owned(), if is_text { written.into() } else { value }))
}

/// Beside the log, so that the result is alone on standard output.
fn tell_usage(usage: Option<&Json>) {
    if let Some(usage) = usage {
        eprintln!("{:<7} {}", "USED", usage_line(usage));
    }
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
        proposal: None,
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
        eprintln!("{}", visible(&detail));
    }
    let failure = Failure::new(exit, message);
    Err(match exit {
        Exit::Denied => failure.hint("for this call alone, `--grant PATH=VALUE` grants it"),
        _ => failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_param_that_is_text_is_not_read_as_a_number() {
        let schema = json!({"properties": {"text": {"type": "string"}, "n": {"type": "integer"}}});
        for (written, key, value) in [
            ("text=5", "text", json!("5")),
            ("text=\"5\"", "text", json!("5")),
            ("text=a=b", "text", json!("a=b")),
            ("text=", "text", json!("")),
            ("n=5", "n", json!(5)),
            ("n=five", "n", json!("five")),
            ("other=[1]", "other", json!([1])),
        ] {
            let Ok(found) = param(written, &schema) else { panic!("{written} is a pair") };
            assert_eq!(found, (key.to_owned(), value), "{written}");
        }
        assert!(param("text", &schema).is_err());
    }
}
