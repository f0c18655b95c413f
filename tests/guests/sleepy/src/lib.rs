//! `sleepy:run` sleeps, ten milliseconds at a time, until it is asked to stop, and then stops with the error `canceled`;
//! `sleepy:deaf` sleeps on regardless.

use std::thread::sleep;
use std::time::Duration;

use nomaflow_guest::{Error, context, log};
use serde_json::Value;

const NAP: Duration = Duration::from_millis(10);

fn run(_: Value) -> Result<Value, Error> {
    log::info!("asleep");
    loop {
        context::check()?;
        sleep(NAP);
    }
}

fn deaf(_: Value) -> Result<Value, Error> {
    log::info!("asleep");
    loop {
        sleep(NAP);
    }
}

nomaflow_guest::plugin! { "run" => run, "deaf" => deaf }
