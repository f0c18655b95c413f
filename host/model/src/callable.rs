//! What a step can call, of every kind: functions of Python modules and callables of components, with what they take as
//! a JSON Schema, so that an editor needs to know neither language. The port [`CallableDirectory`] is implemented by
//! whoever runs a kind; [`EveryCallable`] puts them side by side.
//!
//! Invariant: listing runs no code of an author's that a step would run: Python is parsed, a component only says its list.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::Json;

/// What a callable is written in, which says the type of step that runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallableKind {
    /// A WebAssembly component; steps of type `wasm`.
    Component,
    /// A Python module; steps of type `python`.
    Python,
}

impl CallableKind {
    /// `component`, `python`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Python => "python",
        }
    }

    /// The `type` of a step that runs it.
    pub fn step_type(self) -> &'static str {
        match self {
            Self::Component => "wasm",
            Self::Python => "python",
        }
    }
}

/// One thing that a step can name.
#[derive(Debug, Clone, PartialEq)]
pub struct CallableEntry {
    /// As a step writes it: `sales.totals:refresh`.
    pub callable: String,
    /// One line; empty where the author said nothing.
    pub title: String,
    /// All its author says about it, Markdown; may be empty.
    pub doc: String,
    /// JSON Schema of the parameters a step gives: an object with `properties` in the author's order, `required`, defaults,
    /// and `additionalProperties: false` where no others are taken.
    pub params: Json,
    /// JSON Schema of what it returns; `None` where nobody knows.
    pub result: Option<Json>,
}

/// A file that callables come from, with what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallableSource {
    /// What it is written in.
    pub kind: CallableKind,
    /// The folder under `plugins`.
    pub app: String,
    /// As a step names it before the colon: a Python module, or a component.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Why it cannot be used, in words for its author; it has no callables then.
    pub problem: Option<String>,
    /// Whether a host is still at work on it (a component that is being compiled): look again in a while.
    pub is_pending: bool,
    /// What it offers, in its order.
    pub callables: Vec<CallableEntry>,
}

/// Callables and the files they are in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CallableList {
    /// By app, then kind and name; files that offer nothing and have no problem are left out.
    pub sources: Vec<CallableSource>,
    /// Why some apps could not be looked at, as sentences.
    pub problems: Vec<String>,
}

/// Whoever knows callables.
#[async_trait]
pub trait CallableDirectory: Send + Sync + 'static {
    /// All there are now. Never fails: what is wrong is in the list.
    async fn list_callables(&self) -> CallableList;
}

/// Several directories as one.
#[derive(Clone, Default)]
pub struct EveryCallable(pub Vec<Arc<dyn CallableDirectory>>);

#[async_trait]
impl CallableDirectory for EveryCallable {
    async fn list_callables(&self) -> CallableList {
        let mut all = CallableList::default();
        for directory in &self.0 {
            let found = directory.list_callables().await;
            all.sources.extend(found.sources);
            all.problems.extend(found.problems);
        }
        all.sources.retain(|source| !source.callables.is_empty() || source.problem.is_some() || source.is_pending);
        all.sources.sort_by(|a, b| (&a.app, a.kind, &a.name).cmp(&(&b.app, b.kind, &b.name)));
        all
    }
}
