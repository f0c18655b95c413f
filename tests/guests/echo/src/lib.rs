//! `echo:run` returns its params unchanged and logs one line at each level; `echo:deep.module:run` does the same under a
//! name with a module segment; `echo:facts` returns what the context says of the run.

use nomaflow_guest::{Error, context, log};
use serde_json::{Map, Value};

fn run(params: Value) -> Result<Value, Error> {
    log::trace!("a line of level trace");
    log::debug!("a line of level debug");
    log::info!("a line of level info");
    log::warn!("a line of level warn");
    log::error!("a line of level error");
    Ok(params)
}

fn facts(_: Value) -> Result<Value, Error> {
    let keys = ["run.id", "job.id", "step.name", "attempt", "triggered_by", "scheduled_at", "log_level", "no.such.key"];
    let fact = |key: &str| (key.to_owned(), context::get(key).map_or(Value::Null, Value::String));
    Ok(Value::Object(keys.iter().map(|key| fact(key)).collect::<Map<_, _>>()))
}

nomaflow_guest::plugin! {
    "run" => run { title: "Echo", doc: "Returns its params." },
    "deep.module:run" => run,
    "facts" => facts,
}
