//! `nomaflow export`, `nomaflow import` and those `nomaflow job …` that write the catalogue: names, flags, help.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The snapshot; `-` is standard input
    pub(crate) file: PathBuf,
    /// Only say what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Remove jobs that the snapshot does not have
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Subcommand)]
pub(crate) enum JobChange {
    /// Let the schedules of a job fire
    Enable {
        /// Job id
        id: String,
    },
    /// Keep the schedules of a job from firing; it still runs by hand
    Disable {
        /// Job id
        id: String,
    },
    /// Change a job in $EDITOR; it is checked before it is saved
    Edit {
        /// Job id
        id: String,
    },
    /// Give a job another id; its history follows, and so do the jobs that name it
    Rename {
        /// Job id
        id: String,
        /// The new id
        to: String,
    },
    /// Take a job out of the catalogue; its history stays
    Delete {
        /// Job id
        id: String,
    },
    /// The last versions of a job: when, by whom, how
    Versions {
        /// Job id
        id: String,
    },
    /// What changed between two versions of a job
    Diff {
        /// Job id
        id: String,
        /// From this version [default: the one before]
        #[arg(long, value_name = "N")]
        from: Option<u32>,
        /// To this version [default: what is saved now]
        #[arg(long, value_name = "N")]
        to: Option<u32>,
    },
    /// Put a version of a job back
    Restore {
        /// Job id
        id: String,
        /// The version
        version: u32,
    },
}
