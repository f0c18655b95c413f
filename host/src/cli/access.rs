//! The command line of accounts and tokens: names, flags, help. No behaviour.

use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub(crate) enum User {
    /// Make an account; prints its one-time password
    Add {
        /// Its name
        name: String,
        /// Its name for people
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
        /// What it may do: superuser, job:*, job:<ID>, settings:jobs, settings:notifications; several times
        #[arg(long = "permission", short = 'p', value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Take the first password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Every account: permissions, source, last sign-in
    List,
    /// Let it sign in no more, and end its sessions; its tokens open nothing
    Disable {
        /// Its name
        name: String,
    },
    /// Let it sign in again
    Enable {
        /// Its name
        name: String,
    },
    /// Give it a one-time password, and end its sessions
    Password {
        /// Its name
        name: String,
    },
    /// Add permissions
    Grant {
        /// Its name
        name: String,
        /// superuser, job:*, job:<ID>, settings:jobs, settings:notifications
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Take permissions away
    Revoke {
        /// Its name
        name: String,
        /// As in grant
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Delete it with its sessions and tokens; runs keep its name
    Delete {
        /// Its name
        name: String,
    },
}

#[derive(Subcommand)]
pub(crate) enum Token {
    /// Make an API token; prints its secret, once
    Create {
        /// What it is for
        name: String,
        /// What it may do, at most what its owner may [default: that]; several times
        #[arg(long = "permission", short = 'p', value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Days until it expires [default: 90]
        #[arg(long, value_name = "N", conflicts_with = "never")]
        days: Option<u32>,
        /// It counts until it is revoked
        #[arg(long)]
        never: bool,
        /// The account it stands for; for superusers [default: your own]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Your tokens, with their last use
    List {
        /// Those of everybody; for superusers
        #[arg(long)]
        all: bool,
    },
    /// Revoke a token; it opens nothing any more
    Revoke {
        /// Its id, as in the list
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct LoginArgs {
    /// The account [default: asked for]
    #[arg(long, short, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Days until the sign-in of this machine expires
    #[arg(long, value_name = "N", default_value_t = 90)]
    pub(crate) days: u32,
    /// Print the token, and keep nothing on this machine
    #[arg(long)]
    pub(crate) print: bool,
}
