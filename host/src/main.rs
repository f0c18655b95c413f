//! nomaflow
fn main() {}
