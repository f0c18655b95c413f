//! The callables of all components, for an editor. A component that is still being compiled is listed as pending instead
//! of being waited for; what was in force before it is listed with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host_model::Json;
use host_model::callable::{CallableDirectory, CallableEntry, CallableKind, CallableList, CallableSource};

use crate::inspect::CallableInfo;
use crate::plugins::{find_component, list_components};
use crate::runner::{ComponentRunner, Readiness};

/// For all components together; a server has compiled them long before.
const PATIENCE: Duration = Duration::from_millis(500);

#[async_trait]
impl CallableDirectory for ComponentRunner {
    async fn list_callables(&self) -> CallableList {
        let runner = self.clone();
        let listed = tokio::task::spawn_blocking(move || {
            let until = Instant::now() + PATIENCE;
            let files = list_components(runner.plugins())?;
            Ok::<_, crate::SandboxError>(files.into_iter().map(|path| look_at(&runner, path, until)).collect())
        });
        match listed.await {
            Ok(Ok(sources)) => CallableList { sources, problems: Vec::new() },
            Ok(Err(error)) => CallableList { sources: Vec::new(), problems: vec![error.to_string()] },
            Err(error) => CallableList {
                sources: Vec::new(),
                problems: vec![format!("listing the components broke off: {error}")],
            },
        }
    }
}

fn look_at(runner: &ComponentRunner, path: PathBuf, until: Instant) -> CallableSource {
    let text = |part: Option<&std::ffi::OsStr>| part.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let (name, app) = (text(path.file_stem()), text(path.parent().and_then(Path::file_name)));
    // Jobs name a component without its app, so there can be one of a name.
    let looked = find_component(runner.plugins(), &name).and_then(|_| runner.callables_of(&path, until));
    let (callables, is_pending, problem) = match looked {
        Ok((callables, readiness)) => (callables, readiness == Readiness::Compiling, None),
        Err(error) => (Vec::new(), false, Some(error.to_string())),
    };
    let callables = callables.iter().map(|callable| entry(&name, callable)).collect();
    CallableSource { kind: CallableKind::Component, app, name, path, problem, is_pending, callables }
}

fn entry(plugin: &str, callable: &CallableInfo) -> CallableEntry {
    let schema = |text: &str| serde_json::from_str::<Json>(text).ok();
    let callable_name = match callable.name.split_once(':') {
        Some((module, function)) => format!("{plugin}.{module}:{function}"),
        None => format!("{plugin}:{}", callable.name),
    };
    CallableEntry {
        callable: callable_name,
        title: callable.title.clone(),
        doc: callable.doc.clone(),
        params: schema(&callable.params_schema).unwrap_or_else(|| Json::Object(Default::default())),
        result: schema(&callable.result_schema),
    }
}
