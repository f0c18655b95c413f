//! The callables of `python` and `wasm` steps: shape, file, and as much of the inside as can be seen without running it.

use host_model::diagnostic::nearest;
use host_model::job::spec::Pins;

use crate::check::{ComponentState, Surroundings, params};
use crate::draft::Draft;
use crate::finding::{Findings, list_words};
use crate::plugin_files::{PluginFiles, Scan, WasmKind, scan_module, wasm_kind};
use crate::reader::Text;
use crate::venv::{Installed, find_installed};

fn is_python_word(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

fn is_component_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

pub(super) fn check_python(callable: &Text, app: &str, plugins: &PluginFiles, out: &mut Findings) {
    let split = callable.value.split_once(':');
    let shape = split.filter(|(module, function)| module.split('.').all(is_python_word) && is_python_word(function));
    let Some((module, function)) = shape else {
        let message = format!("`callable` is `{}`, which is not of the form `package.module:function`", callable.value);
        out.error("callable-shape", callable.span.clone(), message, None);
        return;
    };
    let module_span = out.file.inside_string(&callable.span, &callable.value, 0..module.len());
    let installed = || match find_installed(&plugins.path(app), module) {
        Installed::Source(path) => Some(Some(path)),
        Installed::Unseen => Some(None),
        Installed::Missing => None,
    };
    let path = match plugins.find_module(app, module).map(Some).or_else(installed) {
        Some(Some(path)) => path,
        // A step will tell.
        Some(None) => return,
        None => {
            let below = module.replace('.', "/");
            let hint = format!(
                "looked for `{}.py` and `{below}/__init__.py`, in `{app}`, every other app folder and the `.venv` of `{app}`",
                plugins.shown(&format!("{app}/{below}"))
            );
            let message = format!("there is no Python module `{module}`");
            out.error("python-module-missing", module_span, message, Some(hint));
            return;
        }
    };
    let text = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let message = format!("the Python module `{module}` cannot be read: {error}");
            out.error("python-module-missing", module_span, message, None);
            return;
        }
    };
    if let Scan::Missing(functions) = scan_module(&text, function) {
        let start = module.len() + 1;
        let span = out.file.inside_string(&callable.span, &callable.value, start..callable.value.len());
        let names = functions.iter().map(String::as_str);
        let hint = match nearest(function, names.clone()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => list_words(names).map(|all| format!("it has {all}")),
        };
        let message = format!("Python module `{module}` has no function `{function}`");
        out.error("python-function-missing", span, message, hint);
    }
}

/// `step` is the index of the step that calls it.
pub(super) fn check_wasm(callable: &Text, draft: &Draft, step: usize, around: &Surroundings<'_>, out: &mut Findings) {
    let app = draft.app.as_str();
    let split = callable.value.split_once(':');
    let shape =
        split.filter(|(module, function)| module.split('.').all(is_component_word) && is_component_word(function));
    let Some((module, _)) = shape else {
        let message = format!("`callable` is `{}`, which is not of the form `plugin.module:function`", callable.value);
        out.error("callable-shape", callable.span.clone(), message, None);
        return;
    };
    let name = module.split('.').next().unwrap_or(module);
    let span = out.file.inside_string(&callable.span, &callable.value, 0..name.len());
    let Some((path, shown)) = around.plugins.find_component(app, name) else {
        let message = format!("there is no component `{name}`");
        let hint = match nearest(name, around.plugins.list_components().iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                let place = around.plugins.shown(&format!("{app}/{name}.wasm"));
                format!("looked for `{place}`, and `{name}.wasm` in every other app folder")
            }
        };
        out.error("component-missing", span, message, Some(hint));
        return;
    };
    let pin = draft.pins.get(name);
    let wrong = match wasm_kind(&path) {
        // The file in force is not what the step calls.
        _ if pin.is_some() => None,
        Ok(WasmKind::Component) => None,
        Ok(WasmKind::CoreModule) => {
            let hint = "build it for a component target such as `wasm32-wasip2`";
            Some((format!("`{shown}` is a core WebAssembly module, not a component"), Some(hint.to_owned())))
        }
        Ok(WasmKind::Other(what)) => Some((format!("`{shown}` is not a component: it is {what}"), None)),
        Err(error) => Some((format!("`{shown}` cannot be read: {error}"), None)),
    };
    if let Some((message, hint)) = wrong {
        out.error("component-invalid", span, message, hint);
        return;
    }
    let Some(components) = around.components else { return };
    let pins: Pins = pin.iter().map(|pin| (name.to_owned(), pin.value.clone())).collect();
    match components.check(&path, &callable.value, &pins) {
        Ok(ComponentState::Ready) => params::check_params(draft, step, callable, &pins, components, out),
        Ok(ComponentState::Unapproved(problem)) => {
            out.warning("component-unapproved", span, problem.message, problem.hint);
            params::check_params(draft, step, callable, &pins, components, out);
        }
        Ok(ComponentState::Compiling) => {
            let message = format!("`{shown}` is being compiled; the callable and its params are checked after that");
            out.warning("component-compiling", span, message, None);
        }
        Err(problem) if problem.blames_pin => {
            let place = pin.map_or(span, |pin| pin.span.clone());
            out.error("pin-missing", place, problem.message, problem.hint);
        }
        Err(problem) => out.error("component-invalid", callable.span.clone(), problem.message, problem.hint),
    }
}
