//! `trap:run` panics; `trap:overflow` exhausts the stack; `trap:exit` ends the process it does not have.

use nomaflow_guest::Error;
use serde_json::Value;

fn run(_: Value) -> Result<Value, Error> {
    panic!("the guest panics on purpose");
}

fn overflow(_: Value) -> Result<Value, Error> {
    fn descend(depth: u64) -> u64 {
        if depth == u64::MAX { 0 } else { std::hint::black_box(descend(std::hint::black_box(depth + 1))) + 1 }
    }
    Ok(descend(0).into())
}

fn exit(_: Value) -> Result<Value, Error> {
    std::process::exit(1);
}

nomaflow_guest::plugin! { "run" => run, "overflow" => overflow, "exit" => exit }
