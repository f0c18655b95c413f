//! `hog:run` takes memory, a mebibyte at a time, and touches it, until it gets no more.

use nomaflow_guest::Error;
use serde_json::Value;

fn run(_: Value) -> Result<Value, Error> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

nomaflow_guest::plugin! { "run" => run }
