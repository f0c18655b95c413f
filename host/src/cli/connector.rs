//! `nomaflow connector …`: names, flags, help.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum Connector {
    /// Every connector: kind, pool, where it leads, queries; no credentials
    List,
    /// Connect and ask for the version; LDAP ones are bound to and their base is read
    Test {
        /// Connector
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Every connector of the home
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// Ask one question and print the rows
    Query(QueryArgs),
}

#[derive(Args)]
pub(crate) struct QueryArgs {
    /// Connector
    pub(crate) name: String,
    /// The name of a query declared on it (`name`, `name:write`), or one SQL statement
    #[arg(value_name = "QUERY")]
    pub(crate) query: String,
    /// The value of a `:key` in the statement: a number, true, false, null, or text
    #[arg(long = "param", value_name = "KEY=VALUE")]
    pub(crate) params: Vec<String>,
    /// At most so many rows [default: 1000 in a table, all of them otherwise]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How rows are printed [default: table on a terminal, csv in a pipe]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Let the statement write; without it the database refuses to
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// RFC 4180: NULL is empty, an empty text is ""
    Csv,
    /// One JSON object a line
    Jsonl,
}
