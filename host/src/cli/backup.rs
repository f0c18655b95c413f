//! `nomaflow backup …`, `nomaflow restore …`, `nomaflow store …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
    /// The archive to write
    #[arg(required = true)]
    pub(crate) file: Option<PathBuf>,
    /// Put the key file in too: whoever has the archive can then open every secret in it
    #[arg(long)]
    pub(crate) with_keys: bool,
    /// Write over FILE
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Subcommand)]
pub(crate) enum BackupCommand {
    /// Go through an archive: digests, row counts, the audit trail; exit 1 when it is not whole
    Verify {
        /// The archive
        file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The archive
    pub(crate) file: PathBuf,
    /// Into this store, `sqlite:…` or `postgres://…` [default: the one of the restored app.toml]
    #[arg(long, value_name = "URL")]
    pub(crate) store: Option<String>,
    /// Replace what is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Subcommand)]
pub(crate) enum Store {
    /// Where it is, its schema, its tables with rows and bytes, who works on it, the last backup
    Status,
    /// Bring the schema up to date, as every start does
    Migrate,
    /// Remove history that is older than the setting now
    Prune {
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
        /// With --dry-run: what would go if so many days were kept
        #[arg(long, value_name = "DAYS", requires = "dry_run")]
        history_days: Option<u32>,
    },
    /// Look for damage: pages, references, the audit trail; exit 1 when there is some
    Check,
    /// Carry every row to another store, from SQLite to PostgreSQL or back; nothing may run on either
    Move {
        /// Where to, `sqlite:…` or `postgres://…`
        #[arg(long, value_name = "URL")]
        to: String,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
}
