//! `rows:read` reads a query in batches, by row or by column, and returns counts and a checksum of every cell;
//! `rows:write` inserts rows of every kind, half of them by row and half by column, in a transaction that it commits, rolls back
//! or leaves open; `rows:take` and `rows:emit` do little with many rows, for the benches. See the README for params, the written rows and the checksum.

mod bulk;
mod checksum;
mod read;
mod write;

nomaflow_guest::plugin! {
    "read" => read::read,
    "write" => write::write,
    "take" => bulk::take,
    "emit" => bulk::emit,
}
