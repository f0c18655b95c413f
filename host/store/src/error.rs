//! What can go wrong: opening a store ([`OpenError`], for the operator), and one statement ([`DbError`], turned into
//! the port's `StoreError` where the operation is known). No message ever holds a password.

use std::path::PathBuf;

use host_model::port::StoreError;

/// A store that cannot be opened. URLs in messages have their password masked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The URL is not one of the two forms.
    #[error("the store's url `{url}` cannot be used: {why}")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The folder of the SQLite file cannot be made.
    #[error("the store's folder `{}` cannot be created: {message}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's message.
        message: String,
    },
    /// The SQLite file cannot be opened or written.
    #[error("the store's file `{}` cannot be opened for writing: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        message: String,
    },
    /// The file holds something else.
    #[error("the store's file `{}` is not an SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// No answer from the server.
    #[error("the store `{url}` cannot be reached: {message}")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        message: String,
    },
    /// The server does not let this user in.
    #[error("the store `{url}` refused the login: {message}")]
    Refused {
        /// The URL.
        url: String,
        /// The server's message.
        message: String,
    },
    /// The server has no database of that name.
    #[error("the store `{url}` does not exist: {message}")]
    NoDatabase {
        /// The URL.
        url: String,
        /// The server's message.
        message: String,
    },
    /// The database cannot hold every text.
    #[error("the store `{url}` has the encoding {encoding}, which cannot hold every text; it must be UTF8")]
    Encoding {
        /// The URL.
        url: String,
        /// The encoding it has.
        encoding: String,
    },
    /// Another, later program has been here.
    #[error("the store `{store}` has schema version {found}, this program knows versions up to {known}")]
    Newer {
        /// URL or file.
        store: String,
        /// The newest version in the database.
        found: i64,
        /// The newest version of this program.
        known: i64,
    },
    /// The schema was made by another text of a migration.
    #[error("migration {version} of the store `{store}` was applied from another text than this program has")]
    Changed {
        /// URL or file.
        store: String,
        /// Which migration.
        version: i64,
    },
    /// The schema could not be brought up to date; it is as it was before.
    #[error("the store `{store}` cannot be brought up to date: {message}")]
    Migration {
        /// URL or file.
        store: String,
        /// Which migration and why.
        message: String,
    },
}

impl OpenError {
    /// What to do about it, when there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InvalidUrl { .. } => Some(
                "use `sqlite:data/nomaflow.db` (relative to the home) or `postgres://user:password@host:5432/database`",
            ),
            Self::Folder { .. } | Self::File { .. } => Some("check that the user of this process may write there"),
            Self::NotADatabase { .. } => Some("name another file, or move this one away"),
            Self::Unreachable { .. } => Some("check that the server runs and that host and port are right"),
            Self::Refused { .. } => Some("check user and password; the password may come from an environment variable"),
            Self::NoDatabase { .. } => Some("create it with `createdb` before the first start"),
            Self::Encoding { .. } => Some("create the database with `createdb --encoding=UTF8 --template=template0`"),
            Self::Newer { .. } => {
                Some("start the newer program, or restore the backup made before it was first started")
            }
            Self::Changed { .. } => Some("start the program that made this store, or begin with a fresh one"),
            Self::Migration { .. } => Some("the user needs the right to create tables in its schema"),
        }
    }
}

/// One failed statement, before anybody knows what it was for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DbError {
    /// The driver's answer.
    #[error(transparent)]
    Driver(#[from] sqlx::Error),
    /// A row that does not fit the model: which column, which value.
    #[error("{0}")]
    Corrupt(String),
    /// The store is closed, or its writer is gone.
    #[error("{0}")]
    Closed(&'static str),
    /// The shared transaction the command was part of did not commit.
    #[error("{0}")]
    NotCommitted(String),
}

impl DbError {
    /// Names the operation.
    pub(crate) fn during(self, operation: &'static str) -> StoreError {
        match self {
            Self::Corrupt(message) => StoreError::Corrupt { operation, message },
            other => StoreError::Unavailable { operation, message: other.to_string() },
        }
    }

    /// Whether PostgreSQL undid the transaction only because of another one, so that the same again may pass:
    /// serialization failure, deadlock, a row that another transaction has just made unique, or has just taken away.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self.code().as_deref(), Some("40001" | "40P01" | "23505" | "23503"))
    }

    /// Whether the database stopped the statement because its time was over.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.code().as_deref(), Some("57014" | "9"))
    }

    /// Whether a statement has undone itself by dividing by zero, which ours do on purpose.
    pub(crate) fn is_own_undoing(&self) -> bool {
        self.code().as_deref() == Some("22012")
    }

    fn code(&self) -> Option<String> {
        match self {
            Self::Driver(sqlx::Error::Database(error)) => error.code().map(|code| code.into_owned()),
            _ => None,
        }
    }
}
