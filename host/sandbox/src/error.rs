//! What can be wrong with a component before it runs: with the engine, the file, its world, its grants, or the name of
//! a callable. What goes wrong while it runs is a `StepError`, made in `outcome`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_model::StepError;
use host_model::diagnostic::Diagnostic;

/// A component that cannot be used, or a sandbox that cannot work.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SandboxError {
    /// Wasmtime does not work on this machine.
    #[error("the sandbox does not start: {message}")]
    Engine {
        /// Wasmtime's words.
        message: String,
    },
    /// A file or folder cannot be read or written.
    #[error("cannot {operation} `{}`: {source}", path.display())]
    File {
        /// What was tried: `read`.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: Arc<std::io::Error>,
    },
    /// The text of a step's `callable` has the wrong form.
    #[error("`{callable}` does not name a callable of a component")]
    BadCallable {
        /// The text.
        callable: String,
    },
    /// There is no component of that name.
    #[error("there is no component `{plugin}.wasm` in the folders below `{}`", folder.display())]
    NoComponent {
        /// The name asked for.
        plugin: String,
        /// Where plugins live.
        folder: PathBuf,
        /// A name that is nearly the same.
        nearest: Option<String>,
    },
    /// A job wants a version of which no file is kept.
    #[error("component `{plugin}` has no version `{pin}` here")]
    NotKept {
        /// The component.
        plugin: String,
        /// How the digest of the version begins.
        pin: String,
    },
    /// Two folders hold a component of the same name.
    #[error("component `{plugin}` exists twice: `{}` and `{}`", first.display(), second.display())]
    Ambiguous {
        /// The name.
        plugin: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// The file is something else.
    #[error("`{}` is not a component: {what}", path.display())]
    NotComponent {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
        /// How to make a component of it.
        hint: &'static str,
    },
    /// The file begins as a component, and is cut off or broken.
    #[error("component `{}` is damaged: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it breaks.
        message: String,
    },
    /// Somebody keeps writing to the file.
    #[error("component `{}` is still being written", path.display())]
    Unsettled {
        /// The file.
        path: PathBuf,
    },
    /// The component is made for another host.
    #[error("component `{}` does not fit this host: {message}", path.display())]
    WrongWorld {
        /// The file.
        path: PathBuf,
        /// Which imports or exports do not fit.
        message: String,
    },
    /// The component is sound, the callable is not in it.
    #[error("component `{}` has no callable `{function}`", path.display())]
    NoCallable {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        function: String,
        /// A name that is nearly the same.
        nearest: Option<String>,
        /// Everything it has.
        known: Vec<String>,
    },
    /// The component does not say what it can run.
    #[error("component `{}` failed to list its callables: {message}", path.display())]
    NoList {
        /// The file.
        path: PathBuf,
        /// What it did instead.
        message: String,
    },
    /// Nobody can say which params a callable takes.
    #[error("component `{}` publishes params of `{function}` that nothing can be checked against: {message}", path.display())]
    BadSchema {
        /// The file.
        path: PathBuf,
        /// The callable.
        function: String,
        /// What is wrong with its schema.
        message: String,
    },
    /// Nobody has approved yet what the component asks for.
    #[error("component `{}` asks for more than was approved: `{}`", path.display(), asked.join("`, `"))]
    Unapproved {
        /// The file.
        path: PathBuf,
        /// Its name.
        plugin: String,
        /// What is too much.
        asked: Vec<String>,
    },
    /// The file of grants beside the component cannot be understood.
    #[error("{}", grants_message(.0))]
    Grants(Vec<Diagnostic>),
}

/// What to do about a component that asks for more than was approved.
pub fn approve_hint(plugin: &str) -> String {
    format!("look at it on its page or with `nomaflow plugin inspect`, then `nomaflow plugin approve {plugin}`")
}

fn grants_message(problems: &[Diagnostic]) -> String {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message))
        .collect();
    texts.join("; ")
}

impl SandboxError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Engine { .. } | Self::File { .. } => None,
            Self::BadCallable { .. } => Some("write `plugin:function` or `plugin.module:function`".to_owned()),
            Self::NoComponent { plugin, nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}` in place of `{plugin}`?"))
            }
            Self::NoComponent { plugin, nearest: None, .. } => {
                Some(format!("put `{plugin}.wasm` beside the `jobs.toml` that uses it"))
            }
            Self::NotKept { plugin, .. } => {
                Some(format!("pin one that is kept, see `nomaflow plugin versions {plugin}`, or take the pin out"))
            }
            Self::Ambiguous { .. } => Some("rename or remove one of the two files".to_owned()),
            Self::NotComponent { hint, .. } => Some((*hint).to_owned()),
            Self::Unsettled { .. } => Some("write it beside and rename it, so that it is there at once".to_owned()),
            Self::Damaged { .. } => Some("build or copy the file again".to_owned()),
            Self::WrongWorld { .. } => {
                Some("build it against the world `plugin` of `nomaflow:step`, see `wit/step`".to_owned())
            }
            Self::NoCallable { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::NoCallable { known, .. } if known.is_empty() => Some("it has no callable at all".to_owned()),
            Self::NoCallable { known, .. } => Some(format!("it has `{}`", known.join("`, `"))),
            Self::NoList { .. } => {
                Some("`describe` must not call an import and must answer within a second".to_owned())
            }
            Self::BadSchema { .. } => {
                Some("`params-schema` must be a JSON Schema (2020-12) that refers to nothing but itself; `{}` takes anything".to_owned())
            }
            Self::Unapproved { plugin, .. } => Some(approve_hint(plugin)),
            Self::Grants(problems) => problems.iter().find_map(|problem| problem.hint.clone()),
        }
    }

    /// The same error with its paths relative to `home`, as people know them.
    pub(crate) fn below(mut self, home: &Path) -> Self {
        let shorten = |path: &mut PathBuf| {
            if let Ok(short) = path.strip_prefix(home) {
                *path = short.to_owned();
            }
        };
        match &mut self {
            Self::File { path, .. }
            | Self::NoComponent { folder: path, .. }
            | Self::NotComponent { path, .. }
            | Self::Damaged { path, .. }
            | Self::Unsettled { path }
            | Self::WrongWorld { path, .. }
            | Self::NoCallable { path, .. }
            | Self::BadSchema { path, .. }
            | Self::Unapproved { path, .. }
            | Self::NoList { path, .. } => shorten(path),
            Self::Ambiguous { first, second, .. } => {
                shorten(first);
                shorten(second);
            }
            Self::Engine { .. } | Self::BadCallable { .. } | Self::NotKept { .. } | Self::Grants(_) => {}
        }
        self
    }

    /// Whether the bytes of the file are to blame, of which perhaps only a part was written yet.
    pub(crate) fn is_of_file(&self) -> bool {
        matches!(self, Self::NotComponent { .. } | Self::Damaged { .. } | Self::WrongWorld { .. })
    }

    pub(crate) fn file(operation: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { operation, path, source: Arc::new(source) }
    }
}

impl From<SandboxError> for StepError {
    /// A step that names an unusable component is wrongly defined; only an engine or a disk that fails may recover.
    fn from(error: SandboxError) -> Self {
        let detail = error.hint().unwrap_or_default();
        let message = error.to_string();
        let step_error = match error {
            SandboxError::Engine { .. } | SandboxError::File { .. } | SandboxError::Unsettled { .. } => {
                Self::new(host_model::StepErrorKind::Crashed, message)
            }
            SandboxError::Unapproved { .. } => Self::new(host_model::StepErrorKind::Denied, message),
            _ => Self::definition(message),
        };
        step_error.with_detail(detail)
    }
}
