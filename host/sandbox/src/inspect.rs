//! What a component is: its imports, exports, callables and digest; and whether it fits this host. Answers come from the
//! file and from the component's own list, which is asked for with no capability and one second to answer.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host_model::diagnostic::nearest;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::SandboxError;
use crate::contract::{self, BoundPlugin, PRESENT_EXPORT};
use crate::instance::{Ending, Watch, new_store, supervise};
use crate::params::ParamsSchema;
use crate::plugins::is_function;
use crate::state::CallState;

const LIST_DEADLINE: Duration = Duration::from_secs(1);
/// Bytes of all texts of a list of callables.
const MOST_LISTED: usize = 4 * 1024 * 1024;
/// Callables of a list, and bytes it may take on its way into the host.
const MOST_CALLABLES: usize = 1_000;
const MOST_LIFTED: usize = 16 * 1024 * 1024;
const WASI_PACKAGES: [&str; 6] =
    ["wasi:io/", "wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:sockets/", "wasi:random/"];

/// Interfaces whose calls need a grant.
const GRANTED_INTERFACES: [&str; 5] = ["http", "ldap", "secrets", "sql", "state"];

/// What a component with these imports asks for, of that which can be granted: `http`, `sql` …
pub fn asked(imports: &[String]) -> BTreeSet<String> {
    let names = imports.iter().filter_map(|import| import.strip_prefix("nomaflow:step/")?.split('@').next());
    names.filter(|name| GRANTED_INTERFACES.contains(name)).map(str::to_owned).collect()
}

/// One callable, in the words of its component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallableInfo {
    /// The name a job writes after `plugin:`, or `module:function` for `plugin.module:function`.
    pub name: String,
    /// One line.
    pub title: String,
    /// Markdown, may be empty.
    pub doc: String,
    /// JSON Schema of the params, as text.
    pub params_schema: String,
    /// JSON Schema of the result, as text.
    pub result_schema: String,
    /// Further facts.
    pub meta: Vec<(String, String)>,
}

/// What a component file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// Its size.
    pub bytes: usize,
    /// Names of its imports, in its order.
    pub imports: Vec<String>,
    /// Names of its exports, in its order.
    pub exports: Vec<String>,
    /// What it can run.
    pub callables: Vec<CallableInfo>,
}

/// A file as it was when it was read.
pub(crate) struct ComponentFile {
    pub(crate) path: PathBuf,
    /// SHA-256 in hexadecimal.
    pub(crate) digest: String,
    pub(crate) bytes: usize,
}

/// A component that fits this host, ready for instances.
pub(crate) struct Prepared {
    pub(crate) file: ComponentFile,
    pub(crate) plugin: BoundPlugin,
    imports: Vec<String>,
    exports: Vec<String>,
    /// Empty until the component was asked; a failure is not kept.
    callables: Mutex<Option<Arc<[CallableInfo]>>>,
    /// By name of the callable, as far as they were asked for.
    schemas: Mutex<HashMap<String, Arc<ParamsSchema>>>,
}

/// Links a component, or says what does not fit.
pub(crate) fn prepare(
    engine: &Engine,
    linker: &Linker<CallState>,
    component: &Component,
    file: ComponentFile,
) -> Result<Prepared, SandboxError> {
    let component_type = component.component_type();
    let imports: Vec<String> = component_type.imports(engine).map(|(name, _)| name.to_owned()).collect();
    let exports: Vec<String> = component_type.exports(engine).map(|(name, _)| name.to_owned()).collect();
    let wrong = |message: String| SandboxError::WrongWorld { path: file.path.clone(), message };
    ensure_world(&imports, &exports).map_err(wrong)?;
    // The names fit; that the types behind them do is found out by linking.
    let unlinkable = |error: wasmtime::Error| wrong(format!("{error:#}"));
    let pre = linker.instantiate_pre(component).map_err(unlinkable)?;
    let plugin = BoundPlugin::bind(pre, &exports).map_err(unlinkable)?;
    Ok(Prepared { file, plugin, imports, exports, callables: Mutex::default(), schemas: Mutex::default() })
}

fn ensure_world(imports: &[String], exports: &[String]) -> Result<(), String> {
    let unknown: Vec<&str> = imports.iter().map(String::as_str).filter(|name| !is_known_import(name)).collect();
    let mut complaints = Vec::new();
    if !unknown.is_empty() {
        complaints.push(format!("it imports `{}`, which is not offered here", unknown.join("`, `")));
    }
    if !exports.iter().any(|name| contract::is_export(name)) {
        let found = if exports.is_empty() { "nothing".to_owned() } else { format!("`{}`", exports.join("`, `")) };
        complaints.push(format!("it exports {found}, and not `{PRESENT_EXPORT}`"));
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}

fn is_known_import(name: &str) -> bool {
    let is_wasi = || WASI_PACKAGES.iter().any(|package| name.starts_with(package)) && name.contains("@0.2.");
    contract::has_import(name) || is_wasi()
}

impl Prepared {
    /// What it can run. Asks the component the first time, and blocks up to a second then.
    pub(crate) fn callables(&self) -> Result<Arc<[CallableInfo]>, SandboxError> {
        let mut known = self.callables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callables) = &*known {
            return Ok(Arc::clone(callables));
        }
        let callables: Arc<[CallableInfo]> = self.list_callables()?.into();
        *known = Some(Arc::clone(&callables));
        Ok(callables)
    }

    /// What it asks for of that which can be granted.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        asked(&self.imports)
    }

    /// Fails unless it has the callable.
    pub(crate) fn ensure_callable(&self, function: &str) -> Result<(), SandboxError> {
        let callables = self.callables()?;
        if callables.iter().any(|callable| callable.name == function) {
            return Ok(());
        }
        let known: Vec<String> = callables.iter().map(|callable| callable.name.clone()).collect();
        let nearest = nearest(function, known.iter().map(String::as_str)).map(str::to_owned);
        Err(SandboxError::NoCallable { path: self.file.path.clone(), function: function.to_owned(), nearest, known })
    }

    /// The params that a callable takes; fails unless the component has the callable.
    pub(crate) fn params_schema(&self, function: &str) -> Result<Arc<ParamsSchema>, SandboxError> {
        self.ensure_callable(function)?;
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = schemas.get(function) {
            return Ok(Arc::clone(schema));
        }
        let callables = self.callables()?;
        let text = callables.iter().find(|callable| callable.name == function).map_or("{}", |it| &it.params_schema);
        let bad =
            |message| SandboxError::BadSchema { path: self.file.path.clone(), function: function.to_owned(), message };
        let schema = Arc::new(ParamsSchema::parse(text).map_err(bad)?);
        schemas.insert(function.to_owned(), Arc::clone(&schema));
        Ok(schema)
    }

    /// Fails unless it could serve whoever calls any of its callables.
    pub(crate) fn ensure_sound(&self) -> Result<(), SandboxError> {
        self.callables()?.iter().try_for_each(|callable| self.params_schema(&callable.name).map(drop))
    }

    pub(crate) fn inspection(&self) -> Result<Inspection, SandboxError> {
        Ok(Inspection {
            path: self.file.path.clone(),
            digest: self.file.digest.clone(),
            bytes: self.file.bytes,
            imports: self.imports.clone(),
            exports: self.exports.clone(),
            callables: self.callables()?.to_vec(),
        })
    }

    /// On a thread and a runtime of its own, so that it works from anywhere, a runtime's worker included.
    fn list_callables(&self) -> Result<Vec<CallableInfo>, SandboxError> {
        let fail = |message: String| SandboxError::NoList { path: self.file.path.clone(), message };
        let listed = std::thread::scope(|scope| {
            let asked = std::thread::Builder::new().name("sandbox-inspect".to_owned()).spawn_scoped(scope, || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok::<_, std::io::Error>(runtime.block_on(self.ask_for_callables()))
            });
            asked.map(|thread| thread.join())
        });
        match listed {
            Ok(Ok(Ok(answer))) => answer.map_err(fail),
            Ok(Ok(Err(error))) | Err(error) => Err(fail(format!("the host cannot ask it: {error}"))),
            Ok(Err(_panic)) => Err(fail("the host panicked while asking".to_owned())),
        }
    }

    async fn ask_for_callables(&self) -> Result<Vec<CallableInfo>, String> {
        let watch = Watch::new(Default::default(), LIST_DEADLINE, Duration::ZERO);
        let state = CallState::without_capabilities(watch.cancel.clone());
        let mut store = new_store(self.plugin.engine(), state, &watch);
        store.set_hostcall_fuel(MOST_LIFTED);
        match supervise(self.plugin.describe(&mut store), &watch).await {
            Ending { stop: None, result: Some(Ok(callables)) } => {
                ensure_sound(&callables)?;
                Ok(callables)
            }
            Ending { stop: None, result: Some(Err(error)) } => Err(format!("{}", error.root_cause())),
            _ => Err(format!("no answer within {} s", LIST_DEADLINE.as_secs())),
        }
    }
}

/// Refuses a list that is too large, and names that no job could write or that are there twice.
fn ensure_sound(callables: &[CallableInfo]) -> Result<(), String> {
    let (n, bytes) = (callables.len(), callables.iter().map(CallableInfo::text_bytes).sum::<usize>());
    if n > MOST_CALLABLES {
        return Err(format!("its list has {n} callables, {MOST_CALLABLES} are allowed"));
    }
    if bytes > MOST_LISTED {
        return Err(format!("its list has {bytes} bytes, {MOST_LISTED} are allowed"));
    }
    let mut names = HashSet::new();
    for callable in callables {
        let name: String = callable.name.chars().take(100).collect();
        if !is_function(&callable.name) {
            return Err(format!("`{}` in its list is no name of a callable", name.escape_debug()));
        }
        if !names.insert(&callable.name) {
            return Err(format!("its list has `{name}` twice"));
        }
    }
    Ok(())
}

impl CallableInfo {
    fn text_bytes(&self) -> usize {
        let meta: usize = self.meta.iter().map(|(key, value)| key.len() + value.len()).sum();
        let own = [&self.name, &self.title, &self.doc, &self.params_schema, &self.result_schema];
        meta + own.iter().map(|text| text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(imports: &[&str], exports: &[&str]) -> String {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        ensure_world(&owned(imports), &owned(exports)).expect_err("does not fit")
    }

    #[test]
    fn what_is_asked_for_is_told_without_versions_and_without_what_needs_no_grant() {
        let imports =
            ["nomaflow:step/sql@1.0.0", "nomaflow:step/log@1.0.0", "nomaflow:step/http@0.1.0", "wasi:io/poll@0.2.6"];
        let asked: Vec<String> = asked(&imports.map(str::to_owned)).into_iter().collect();
        assert_eq!(asked, ["http", "sql"]);
    }

    #[test]
    fn imports_that_nobody_offers_are_named() {
        let imports = ["wasi:io/poll@0.2.6", "wasi:http/types@0.2.0", "nomaflow:step/sql@2.0.0", "env"];
        assert_eq!(
            complaint(&imports, &["nomaflow:step/callables@1.0.0"]),
            "it imports `wasi:http/types@0.2.0`, `nomaflow:step/sql@2.0.0`, `env`, which is not offered here"
        );
    }

    #[test]
    fn a_missing_export_is_named_beside_what_is_there() {
        assert_eq!(complaint(&[], &["greet"]), "it exports `greet`, and not `nomaflow:step/callables@1.0.0`");
        assert_eq!(complaint(&[], &[]), "it exports nothing, and not `nomaflow:step/callables@1.0.0`");
    }

    #[test]
    fn a_later_minor_version_and_the_draft_fit() {
        let owned = |name: &str| vec![name.to_owned()];
        let later = ensure_world(&owned("nomaflow:step/log@1.2.0"), &owned("nomaflow:step/callables@1.2.0"));
        assert!(later.is_ok(), "{later:?}");
        assert!(ensure_world(&owned("nomaflow:step/log@0.1.7"), &owned("nomaflow:step/steps@0.1.3")).is_ok());
    }
}
