//! A job between reading and checking: what was read, and what its strings claim about the rest of the house, each with
//! its place in the file. Checks see drafts, never toml.

use std::collections::BTreeMap;
use std::ops::Range;

use host_model::Job;
use host_model::diagnostic::{Diagnostic, Severity};

use crate::param_place::ParamLayer;
use crate::reader::Text;

/// One `[[jobs]]` table as read.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Index of its file.
    pub(crate) file: usize,
    /// Its header.
    pub(crate) header: Range<usize>,
    /// The id as written, also when it is not a valid one.
    pub(crate) id: Option<Text>,
    /// The app it belongs to.
    pub(crate) app: String,
    /// The job, when enough of it could be read to build one; it may still have errors.
    pub(crate) job: Option<Job>,
    /// Step names in order, also of steps that could not be read.
    pub(crate) step_names: Vec<Option<Text>>,
    /// The jobs it depends on, each once.
    pub(crate) depends_on: Vec<Text>,
    /// The jobs its steps call.
    pub(crate) calls: Vec<Text>,
    /// What its strings claim.
    pub(crate) claims: Vec<Claim>,
    /// Every string that may hold templates.
    pub(crate) templated: Vec<Templated>,
    /// Every table of params.
    pub(crate) param_layers: Vec<ParamLayer>,
    /// The versions of components it pins, in lower case.
    pub(crate) pins: BTreeMap<String, Text>,
    /// What was found so far.
    pub(crate) found: Vec<Diagnostic>,
}

impl Draft {
    pub(crate) fn new(file: usize, header: Range<usize>, app: &str) -> Self {
        Self {
            file,
            header,
            id: None,
            app: app.to_owned(),
            job: None,
            step_names: Vec::new(),
            depends_on: Vec::new(),
            calls: Vec::new(),
            claims: Vec::new(),
            templated: Vec::new(),
            param_layers: Vec::new(),
            pins: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn claim(&mut self, text: Option<&Text>, kind: ClaimKind) {
        if let Some(text) = text {
            self.claims.push(Claim { text: text.clone(), kind });
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }
}

/// Something a string says about the world outside its job.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The string.
    pub(crate) text: Text,
    /// What it says.
    pub(crate) kind: ClaimKind,
}

/// See [`Claim`].
#[derive(Debug)]
pub(crate) enum ClaimKind {
    /// A connector of this name exists.
    Connector,
    /// The connector has this query, or the text is SQL.
    Query {
        /// Name of the connector.
        connector: String,
    },
    /// An LDAP connector of this name exists.
    Directory,
    /// The connector has this query and it may write, or the text is SQL.
    WritableQuery {
        /// Name of the connector.
        connector: String,
    },
    /// A Python module has this function.
    Python,
    /// A component has this function.
    Wasm {
        /// Index of the step that calls it.
        step: usize,
    },
    /// This table is not the one the rows come from.
    CopyTarget {
        /// Where the rows come from.
        source: TablePlace,
        /// Where they go.
        target: TablePlace,
    },
}

/// A table behind a connector.
#[derive(Debug)]
pub(crate) struct TablePlace {
    pub(crate) connector: String,
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

/// A string that may hold templates.
#[derive(Debug)]
pub(crate) struct Templated {
    /// Index of the step it belongs to; `None` for parameters all steps share.
    pub(crate) step: Option<usize>,
    /// The string.
    pub(crate) text: Text,
}
