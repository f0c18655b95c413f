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
    /// Declare a new one in connectors.toml, with a pool of its name
    Add(ChangeArgs),
    /// Change keys of one and of its pool; what is not named stays, the password too
    Set(ChangeArgs),
    /// Take one out, and its pool unless another uses it; refused while a job or plugin names it
    Remove {
        /// Connector
        name: String,
    },
    /// Give one another name, in every file that names it or in none
    Rename {
        /// Connector
        name: String,
        /// Its new name
        to: String,
        /// Only say who names it
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Args)]
pub(crate) struct ChangeArgs {
    /// Connector
    pub(crate) name: String,
    /// Where it leads: postgres://user@host:5432/database, sqlite:file, ldaps://host; without a password
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// A key of its pool, or of a directory: a number, true, false or text; nothing after = takes it out
    #[arg(long = "key", value_name = "KEY=VALUE")]
    pub(crate) keys: Vec<String>,
    /// The pool it uses, one that is declared; its keys stay as they are
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "keys", "password", "no_password"])]
    pub(crate) pool: Option<String>,
    /// Ask for a password on a terminal, read it from a pipe; it is sealed
    #[arg(long)]
    pub(crate) password: bool,
    /// Take the password out
    #[arg(long, conflicts_with = "password")]
    pub(crate) no_password: bool,
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
