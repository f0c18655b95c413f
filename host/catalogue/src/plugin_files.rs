//! Finds what callables name under the plugins folder: Python modules and component files. Looks at names, at the first
//! bytes of a component and at the `def` lines of a module; runs and imports nothing.

use std::path::{Path, PathBuf};

/// The plugins folder and its apps.
#[derive(Debug)]
pub(crate) struct PluginFiles {
    root: PathBuf,
    /// How the folder is called in messages.
    shown: String,
    /// Folders below it, in order.
    pub(crate) apps: Vec<String>,
}

/// What a file with a component's name holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WasmKind {
    Component,
    CoreModule,
    /// Anything else.
    Other(&'static str),
}

impl PluginFiles {
    /// Lists the apps. A folder that does not exist has none.
    pub(crate) fn scan(root: PathBuf, shown: String) -> std::io::Result<Self> {
        let mut apps = Vec::new();
        match std::fs::read_dir(&root) {
            Ok(list) => {
                for entry in list {
                    let entry = entry?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    if entry.path().is_dir() && !name.starts_with(['.', '_']) {
                        apps.push(name);
                    }
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        apps.sort();
        Ok(Self { root, shown, apps })
    }

    /// A folder without apps.
    pub(crate) fn empty(root: PathBuf, shown: String) -> Self {
        Self { root, shown, apps: Vec::new() }
    }

    /// A path below the folder, as shown to people.
    pub(crate) fn shown(&self, below: &str) -> String {
        format!("{}/{below}", self.shown)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The apps, `first` before the others.
    fn search_order<'a>(&'a self, first: &'a str) -> impl Iterator<Item = &'a str> {
        let others = self.apps.iter().map(String::as_str).filter(move |app| *app != first);
        std::iter::once(first).chain(others)
    }

    /// The file of a Python module, in the order of the import path: that of `app`, of the other apps, of the root.
    pub(crate) fn find_module(&self, app: &str, module: &str) -> Option<PathBuf> {
        let below = module.replace('.', "/");
        self.search_order(app)
            .map(|app| format!("{app}/{below}"))
            .chain([below.clone()])
            .flat_map(|below| [format!("{below}.py"), format!("{below}/__init__.py")])
            .map(|below| self.root.join(below))
            .find(|path| path.is_file())
    }

    /// The component file `name`, that of `app` first, with the path to show.
    pub(crate) fn find_component(&self, app: &str, name: &str) -> Option<(PathBuf, String)> {
        self.search_order(app)
            .map(|app| format!("{app}/{name}.wasm"))
            .map(|below| (self.root.join(&below), self.shown(&below)))
            .find(|(path, _)| path.is_file())
    }

    /// Names of every component file.
    pub(crate) fn list_components(&self) -> Vec<String> {
        let files = self.component_files().into_iter();
        files.filter_map(|(path, _)| Some(path.file_stem()?.to_string_lossy().into_owned())).collect()
    }

    /// Every component file with its path below the folder, in order; hidden ones are somebody's copies in the making.
    pub(crate) fn component_files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        for app in &self.apps {
            for entry in std::fs::read_dir(self.root.join(app)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_component = entry.path().extension().is_some_and(|extension| extension == "wasm");
                if is_component && !name.starts_with('.') && entry.path().is_file() {
                    files.push((entry.path(), format!("{app}/{name}")));
                }
            }
        }
        files.sort();
        files
    }
}

/// Tells a component from a core module by the first eight bytes: magic, version, layer.
pub(crate) fn wasm_kind(path: &Path) -> std::io::Result<WasmKind> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(path)?.take(512).read_to_end(&mut head)?;
    Ok(match head.get(..8) {
        Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => WasmKind::Component,
        Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => WasmKind::CoreModule,
        Some([0, b'a', b's', b'm', ..]) => WasmKind::Other("a WebAssembly file of an unknown version"),
        _ if head.is_empty() => WasmKind::Other("an empty file"),
        _ if is_text(&head) => WasmKind::Other("a text file"),
        _ => WasmKind::Other("no WebAssembly at all"),
    })
}

fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut after 512 bytes may have split a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or(""),
        Err(_) => return false,
    };
    !whole.chars().any(|c| c.is_control() && !c.is_whitespace())
}

/// What a line scan of a Python module says about one name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// It is there, or may be: an import or an assignment can bind it too.
    MayExist,
    /// Nothing binds it; these functions are there.
    Missing(Vec<String>),
}

/// Looks for the top-level name `function` in the text of a module.
pub(crate) fn scan_module(text: &str, function: &str) -> Scan {
    let mut functions = Vec::new();
    for line in text.lines() {
        let plain = line.strip_prefix("async ").map_or(line, str::trim_start);
        if let Some(rest) = plain.strip_prefix("def ") {
            let name: String = rest.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            functions.push(name);
            continue;
        }
        // `from x import (` spreads names over indented lines of their own.
        let is_top = !line.starts_with([' ', '\t', '#']);
        let is_listed = line.trim().trim_end_matches(',').split(" as ").last() == Some(function);
        let binds_anything = is_top && line.starts_with("from ") && line.contains("import *");
        if binds_anything || is_listed || (is_top && has_word(line, function)) {
            return Scan::MayExist;
        }
    }
    let is_there = functions.iter().any(|name| name == function || name == "__getattr__");
    if is_there { Scan::MayExist } else { Scan::Missing(functions) }
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_however_it_is_bound() {
        for text in [
            "def run(ctx):\n    pass\n",
            "async  def run(ctx): ...",
            "from .work import run\n",
            "from .work import (\n    go as run,\n)\n",
            "run = make()\n",
            "from .work import *\n",
            "def __getattr__(name): ...\n",
        ] {
            assert_eq!(scan_module(text, "run"), Scan::MayExist, "{text}");
        }
        let text = "# run\ndef runs(): ...\nclass A:\n    def run(self): ...\n";
        assert_eq!(scan_module(text, "run"), Scan::Missing(vec!["runs".into()]));
    }

    #[test]
    fn the_first_bytes_tell_a_component_from_everything_else() {
        let folder = tempfile::tempdir().unwrap();
        let kind = |bytes: &[u8]| {
            let path = folder.path().join("x.wasm");
            std::fs::write(&path, bytes).unwrap();
            wasm_kind(&path).unwrap()
        };
        assert_eq!(kind(b"\0asm\x0d\0\x01\0rest"), WasmKind::Component);
        assert_eq!(kind(b"\0asm\x01\0\0\0"), WasmKind::CoreModule);
        assert_eq!(kind("(module) ; é".as_bytes()), WasmKind::Other("a text file"));
        assert_eq!(kind(b""), WasmKind::Other("an empty file"));
        assert_eq!(kind(b"\x7fELF\x02\x01\x01\0"), WasmKind::Other("no WebAssembly at all"));
    }
}
