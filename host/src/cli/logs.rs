//! `nomaflow logs …`.

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Logs {
    /// Find lines by their words, in the logs of all runs; the newest first
    Search(LogsSearchArgs),
}

#[derive(Args)]
pub(crate) struct LogsSearchArgs {
    /// Words that have to be in a line, all of them; `"a phrase"`, `schema.table` and `begin*` work too
    #[arg(required = true, num_args = 1..)]
    pub(crate) words: Vec<String>,
    /// Runs of this job only; may be given several times
    #[arg(long = "job", value_name = "ID")]
    pub(crate) jobs: Vec<String>,
    /// This level and those above it: DEBUG, INFO, WARNING, ERROR
    #[arg(long)]
    pub(crate) level: Option<String>,
    /// Said at this instant or later, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Said before this instant, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
    /// Go on from here: what the page before said
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}
