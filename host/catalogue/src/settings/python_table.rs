//! `[python]`: how Python steps run, and `[python.apps]`, the interpreters of single apps.

use std::collections::BTreeMap;

use super::Setting;
use super::layers::{Layers, read_text_setting};
use crate::finding::Findings;
use crate::reader::{Table, entries, text_of, wrong_type};

/// How `python` steps run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonSettings {
    /// `interpreter`: a path, or a name on PATH.
    pub interpreter: Setting<String>,
    /// `workers`: most steps at once.
    pub workers: Setting<u32>,
    /// `memory_mb`: most MiB of memory of one step, all its processes together; 0 is as much as there is.
    pub memory_mb: Setting<u32>,
    /// `recycle_steps`: a worker is replaced after so many steps.
    pub recycle_steps: Setting<u32>,
    /// `recycle_memory_mb`: a worker is replaced after a step that leaves it with more MiB than this.
    pub recycle_memory_mb: Setting<u32>,
    /// `[python.apps]`: interpreters by app, over the virtual environments in their folders.
    pub apps: Setting<BTreeMap<String, String>>,
}

/// Reads the table.
pub(super) fn read_python(table: &mut Table<'_, '_>, layers: &mut Layers<'_>, out: &mut Findings) -> PythonSettings {
    let in_file = read_text_setting(table, "interpreter", out);
    let names = ["NOMAFLOW_PYTHON_INTERPRETER"];
    let interpreter = layers.pick(&names, None, in_file, "python3".to_owned(), |text| Ok(text.to_owned()));
    let workers = layers.whole(table, "workers", &["NOMAFLOW_PYTHON_WORKERS"], (1..=256, 2), out);
    let memory_mb = layers.whole(table, "memory_mb", &["NOMAFLOW_PYTHON_MEMORY_MB"], (0..=16_777_216, 2048), out);
    let names = ["NOMAFLOW_PYTHON_RECYCLE_STEPS"];
    let recycle_steps = layers.whole(table, "recycle_steps", &names, (1..=1_000_000, 200), out);
    let names = ["NOMAFLOW_PYTHON_RECYCLE_MEMORY_MB"];
    let recycle_memory_mb = layers.whole(table, "recycle_memory_mb", &names, (1..=16_777_216, 512), out);
    let in_file = read_apps(table, out);
    let apps = layers.pick(&["NOMAFLOW_PYTHON_APPS"], None, in_file, BTreeMap::new(), parse_apps);
    PythonSettings { interpreter, workers, memory_mb, recycle_steps, recycle_memory_mb, apps }
}

fn read_apps(table: &mut Table<'_, '_>, out: &mut Findings) -> Option<(BTreeMap<String, String>, u32)> {
    let entry = table.take("apps")?;
    table.table("apps", out)?;
    let mut apps = BTreeMap::new();
    for inner in entry.value.get_ref().as_table().map(entries).unwrap_or_default() {
        match text_of(inner.value).filter(|text| !text.value.trim().is_empty()) {
            Some(text) => drop(apps.insert(inner.key.to_owned(), text.value)),
            None => wrong_type(inner.key, "the path of an interpreter", inner.value, out),
        }
    }
    Some((apps, out.file.place(entry.key_span.0).0))
}

/// Reads `shop=/opt/shop/bin/python,other=python3.12`.
fn parse_apps(text: &str) -> Result<BTreeMap<String, String>, String> {
    let read = |part: &str| {
        let (app, interpreter) = part.split_once('=').map(|(app, path)| (app.trim(), path.trim()))?;
        (!app.is_empty() && !interpreter.is_empty()).then(|| (app.to_owned(), interpreter.to_owned()))
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts.map(|part| read(part).ok_or_else(|| format!("`{part}` is not of the form app=interpreter"))).collect()
}
