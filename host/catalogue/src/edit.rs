//! Changing job files: one job at a time, in place; `connectors`, with the passwords in `credentials`; and `settings`. The
//! only user of toml_edit.
//!
//! `blocks` finds the bytes of each job in a file; `form` writes a job given as JSON into them, key by key; `overlaying`
//! says what has to stand in `jobs.local.toml` for a vendor's job to become another; `mask` keeps secrets from whoever
//! reads, and puts them back when what was read is saved; `plan` collects changes to files; `write` puts them in place.
//! Invariants: bytes of jobs that are not changed stay; a change is read back and compared with what was meant before
//! anything is written; a file is whole at every instant.

mod blocks;
pub mod connectors;
pub mod credentials;
mod form;
mod mask;
mod overlaying;
mod plan;
mod pointer;
pub mod settings;
mod write;

pub use form::{edited, job_json, job_text};
pub use mask::{MARK, mask_job, mask_text, unmask};
pub use plan::{Content, JobFiles, Plan, Saved};
pub use pointer::{Place, place_of};
pub use write::{Change, EditLock, Journal, JournalRename};

use host_model::Json;

/// Why a job file was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file cannot be read.
    #[error("`{file}` cannot be read: {why}")]
    Unreadable {
        /// The file as shown to people.
        file: String,
        /// In words.
        why: String,
    },
    /// The file is not valid TOML, so nobody can say where a job of it ends.
    #[error("`{file}` is not valid TOML (line {line}): {why}")]
    Broken {
        /// The file.
        file: String,
        /// From 1.
        line: u32,
        /// In words.
        why: String,
    },
    /// Its jobs are written in a way that one of them cannot be changed alone.
    #[error("`{file}` cannot be edited here: {why}")]
    Unfit {
        /// The file.
        file: String,
        /// In words.
        why: String,
    },
    /// No name of an app.
    #[error("`{app}` is no name of an app: letters, digits, `-` and `_`, and it does not begin with `_`")]
    App {
        /// What was given.
        app: String,
    },
    /// Several jobs have the id.
    #[error("job `{id}` is declared more than once: {}", files.join(", "))]
    Ambiguous {
        /// The id.
        id: String,
        /// Where.
        files: Vec<String>,
    },
    /// What was submitted cannot stand in a file.
    #[error("{why}")]
    Content {
        /// Where in it.
        pointer: String,
        /// In words.
        why: String,
    },
    /// Somebody else changed the file between the reading and the writing.
    #[error("`{file}` was changed by somebody else at the same time; nothing was saved")]
    Changed {
        /// The file.
        file: String,
    },
    /// The file cannot be written.
    #[error("`{file}` cannot be written: {why}")]
    Unwritable {
        /// The file.
        file: String,
        /// In words.
        why: String,
    },
    /// What the file would say is not what was meant; nothing was written.
    #[error("`{file}` could not be changed as asked: the result would not be the job that was submitted")]
    Misread {
        /// The file.
        file: String,
    },
}

/// Equal as far as TOML and the languages of clients can tell: `1` and `1.0` are one number, and a text of several lines
/// has the line breaks of its file.
pub fn is_same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::String(a), Json::String(b)) => {
            a == b || (a.contains('\r') != b.contains('\r') && a.replace("\r\n", "\n") == b.replace("\r\n", "\n"))
        }
        (Json::Number(a), Json::Number(b)) => a == b || (a.is_f64() != b.is_f64() && a.as_f64() == b.as_f64()),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}

/// The lines that differ, as `diff -u` shows them; empty when none does.
pub fn unified(from: &str, to: &str, from_name: &str, to_name: &str) -> String {
    similar::TextDiff::from_lines(from, to).unified_diff().context_radius(3).header(from_name, to_name).to_string()
}
