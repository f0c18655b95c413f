//! `nomaflow audit …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Who signed in, changed or set off what; the newest first
    List(AuditListArgs),
    /// Go along the chain of hashes; exit 1 when an entry was changed or taken out
    Verify {
        /// What an earlier verify said of the last entry, `SEQ:HASH`: also shows that the newest entries are missing
        #[arg(long, value_name = "SEQ:HASH")]
        expect: Option<String>,
    },
    /// Every entry with its hash, one JSON object a line
    Export {
        /// Into this file [default: standard output]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Only entries after this one
        #[arg(long, default_value_t = 0, value_name = "SEQ")]
        after: u64,
    },
}

#[derive(Args)]
pub(crate) struct AuditListArgs {
    /// By this account
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// This action, or all below it: `jobs` is also `jobs.run`
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// Done to this job, run, user …
    #[arg(long)]
    pub(crate) object: Option<String>,
    /// begun, done, failed or refused
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// At this instant or later, RFC 3339
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before this instant, RFC 3339
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
}
