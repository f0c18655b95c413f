//! The callables of a home's Python apps, found by parsing: no module is imported, so nothing of theirs runs. The
//! interpreter of each app parses its files, because each version of Python has a syntax of its own (`rt/discover.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use host_model::Json;
use host_model::callable::{CallableDirectory, CallableEntry, CallableKind, CallableList, CallableSource};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::apps::AppInterpreters;

const SOURCE: &str = include_str!("../rt/discover.py");
/// For all files of the apps of one interpreter.
const TIME: Duration = Duration::from_secs(60);
/// How deep folders are looked through; `rt/discover.py` has the same.
const DEEPEST: u8 = 8;

/// A Python file of an app.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct PythonModule {
    /// The folder under `plugins`.
    pub app: String,
    /// As a job names it before the colon.
    pub module: String,
    /// The file.
    #[serde(skip_serializing)]
    pub path: PathBuf,
    /// Why it cannot be parsed.
    pub problem: Option<String>,
    /// Its public functions, in the order of the file.
    pub callables: Vec<PythonCallable>,
}

/// A function that a `python` step can name.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct PythonCallable {
    /// As a job names it after the colon.
    pub name: String,
    /// Its line.
    pub line: u32,
    /// The first paragraph of its docstring.
    pub doc: String,
    /// All of it.
    #[serde(skip_serializing)]
    pub whole_doc: String,
    /// Whether it is an `async def`.
    pub is_async: bool,
    /// Whether it takes parameters of any name.
    pub takes_any: bool,
    /// The parameters a job gives; `ctx`, `connectors` and `settings` are the host's.
    pub params: Vec<PythonParam>,
    /// The same as a JSON Schema.
    pub schema: Json,
}

/// A parameter of a callable.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct PythonParam {
    /// Its name.
    pub name: String,
    /// The annotation as written; empty without one.
    pub kind: String,
    /// The default as written; `None` for a parameter that must be given.
    pub default: Option<String>,
}

/// Why the callables of some apps are not known.
#[derive(Debug, thiserror::Error)]
#[error("the Python files of {apps} cannot be parsed with `{interpreter}`: {reason}")]
pub struct DiscoverError {
    apps: String,
    interpreter: String,
    reason: String,
}

/// Every Python module of every app.
///
/// # Errors
/// When an interpreter cannot be run. A file that cannot be parsed is no error: its module says why.
pub async fn list_modules(apps: &AppInterpreters) -> Result<Vec<PythonModule>, DiscoverError> {
    let (modules, failures) = look(apps).await;
    failures.into_iter().next().map_or(Ok(modules), Err)
}

/// What can be known, and which interpreters gave no answer.
async fn look(apps: &AppInterpreters) -> (Vec<PythonModule>, Vec<DiscoverError>) {
    let mut groups: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for app in apps.list_apps().into_iter().filter(|app| has_python(&apps.folder_of(app), DEEPEST)) {
        groups.entry(apps.interpreter_of(&app)).or_default().push(app);
    }
    let (mut modules, mut failures) = (Vec::new(), Vec::new());
    for (interpreter, group) in groups {
        let folders: Json = group.iter().map(|app| json!([app, apps.folder_of(app)])).collect();
        match ask(&interpreter, &folders).await {
            Ok(found) => modules.extend(found),
            Err(reason) => failures.push(DiscoverError {
                apps: group.iter().map(|app| format!("`{app}`")).collect::<Vec<_>>().join(", "),
                interpreter: interpreter.display().to_string(),
                reason,
            }),
        }
    }
    modules.sort_by(|a, b| (&a.app, &a.module).cmp(&(&b.app, &b.module)));
    (modules, failures)
}

/// The port of editors: [`list_modules`] in the words of the model.
#[derive(Debug)]
pub struct PythonCallables {
    apps: AppInterpreters,
    /// One look at a time, however many ask: each starts interpreters.
    looking: tokio::sync::Mutex<()>,
}

impl PythonCallables {
    /// The callables of these apps.
    pub fn new(apps: AppInterpreters) -> Self {
        Self { apps, looking: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl CallableDirectory for PythonCallables {
    async fn list_callables(&self) -> CallableList {
        let _alone = self.looking.lock().await;
        let (modules, failures) = look(&self.apps).await;
        CallableList {
            sources: modules.into_iter().map(PythonModule::into_source).collect(),
            problems: failures.iter().map(DiscoverError::to_string).collect(),
        }
    }
}

impl PythonModule {
    fn into_source(self) -> CallableSource {
        let entry = |callable: PythonCallable| CallableEntry {
            callable: format!("{}:{}", self.module, callable.name),
            title: callable.doc,
            doc: callable.whole_doc,
            params: callable.schema,
            result: None,
        };
        CallableSource {
            kind: CallableKind::Python,
            callables: self.callables.into_iter().map(entry).collect(),
            app: self.app,
            name: self.module,
            path: self.path,
            problem: self.problem,
            is_pending: false,
        }
    }
}

/// Whether there may be a file to parse, down to so many folders: without one no interpreter is needed.
fn has_python(folder: &Path, depth: u8) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
        entries.filter(|path| !is_hidden(path)).partition(|path| path.is_dir());
    files.iter().any(|file| file.extension().is_some_and(|ending| ending == "py"))
        || depth > 0 && folders.iter().any(|folder| has_python(folder, depth - 1))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']))
}

async fn ask(interpreter: &Path, folders: &Json) -> Result<Vec<PythonModule>, String> {
    let mut command = tokio::process::Command::new(interpreter);
    // -I and -S: neither variables nor installed packages take part.
    command.args(["-I", "-S", "-c", SOURCE]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().map_err(|error| error.to_string())?;
    if let Some(mut input) = child.stdin.take() {
        // One that ends at once says why on its standard error.
        let _ = input.write_all(folders.to_string().as_bytes()).await;
    }
    let output = match tokio::time::timeout(TIME, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| error.to_string())?,
        Err(_) => return Err(format!("no answer within {} s", TIME.as_secs())),
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(words.lines().last().unwrap_or("it says nothing").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|_| "its answer is not the expected one".to_owned())
}
