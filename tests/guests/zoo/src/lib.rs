//! The zoo: every callable misbehaves in its own way, in what it computes (`computing`), in what it says (`saying`), in what
//! it asks of the host (`asking`) or of WASI (`wasi`). `raw` calls the imports with whatever numbers it is given, for the fuzzer. See the README.

#![cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "used in a component only"))]

mod asking;
mod computing;
#[cfg(target_family = "wasm")]
mod raw;
mod saying;
#[cfg(target_family = "wasm")]
mod wasi;

// Most of it exists only in a component, where the imports are.
#[cfg(target_family = "wasm")]
nomaflow_guest::plugin! {
    "spin" => computing::spin,
    "bomb" => computing::bomb,
    "creep" => computing::creep,
    "descend" => computing::descend,
    "abort" => computing::abort,
    "panic" => computing::panic,
    "exit" => computing::exit,
    "sleep" => computing::sleep,
    "flood" => saying::flood,
    "print" => saying::print,
    "line" => saying::line,
    "fields" => saying::fields,
    "result" => saying::result,
    "open" => asking::open,
    "handles" => asking::handles,
    "cursors" => asking::cursors,
    "sessions" => asking::sessions,
    "booleans" => asking::booleans,
    "rows" => asking::rows,
    "fill" => asking::fill,
    "odd" => asking::odd,
    "resolve" => wasi::resolve,
    "sockets" => wasi::sockets,
    "unasked" => wasi::unasked,
    "zeroes" => wasi::zeroes,
    "link" => wasi::link,
    "raw" => raw::run,
}
