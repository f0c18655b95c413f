//! Guests that want all the time or memory there is, or end as nobody should.

use std::hint::black_box;
use std::time::Duration;

use nomaflow_guest::{Error, log};
use serde_json::Value;

pub(crate) fn spin(_: Value) -> Result<Value, Error> {
    log::info!("spinning");
    let mut state = 1u64;
    loop {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// One allocation beyond the usual limit.
pub(crate) fn bomb(_: Value) -> Result<Value, Error> {
    let taken = black_box(vec![1u8; 1 << 30]);
    Ok(taken.len().into())
}

/// A few bytes at a time, for ever.
pub(crate) fn creep(_: Value) -> Result<Value, Error> {
    let mut kept: Vec<Box<[u8; 100]>> = Vec::new();
    loop {
        kept.push(black_box(Box::new([1; 100])));
    }
}

pub(crate) fn descend(_: Value) -> Result<Value, Error> {
    fn down(depth: u64) -> u64 {
        if depth == u64::MAX { 0 } else { black_box(down(black_box(depth + 1))) + 1 }
    }
    Ok(down(0).into())
}

pub(crate) fn abort(_: Value) -> Result<Value, Error> {
    std::process::abort();
}

pub(crate) fn panic(_: Value) -> Result<Value, Error> {
    panic!("the zoo panics on purpose");
}

#[derive(serde::Deserialize)]
pub(crate) struct Exit {
    code: i32,
}

pub(crate) fn exit(params: Exit) -> Result<Value, Error> {
    std::process::exit(params.code);
}

/// One sleep of a day, and never a look at whether to stop.
pub(crate) fn sleep(_: Value) -> Result<Value, Error> {
    log::info!("asleep");
    std::thread::sleep(Duration::from_secs(24 * 3600));
    Ok(Value::Null)
}
