//! Rules of the repository as tests: file size, module notes, crate edges, migrations, lock files, marks. Each failure
//! says what to do. The rules and their reasons are in `host/ARCHITECTURE.md`.

mod licences;
mod reference;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of one file, tests apart (architecture B10).
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its ceiling and the reason.
const LONG_FILES: [(&str, usize, &str); 2] = [
    ("host/store/src/conformance/mod.rs", 600, "the one list of every check; it grows with each subject"),
    ("web/src/api/wire.ts", 10_000, "made from the OpenAPI document by `npm run types`"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host/ is below the root").to_owned()
}

/// Every file of the project with one of these endings, with its path relative to the root.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | "node_modules" | "dist" | ".git" | ".cache" | "__pycache__") {
                    folders.push(path);
                }
            } else if endings.iter().any(|e| name.ends_with(e)) {
                let relative = path.strip_prefix(root()).expect("below the root").display().to_string();
                let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{relative}: {e}"));
                found.push((relative, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file ends with any of {endings:?}");
    found
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || ["tests.rs", "_tests.rs", ".test.ts", ".test.tsx"].iter().any(|end| path.ends_with(end))
        || ["/oracle.rs", "/generator.rs", "/properties.rs"].iter().any(|end| path.ends_with(end))
}

fn none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}\n  {}", problems.join("\n  "));
}

#[test]
fn files_are_one_room_each() {
    let mut problems = Vec::new();
    for (path, text) in files(&[".rs", ".ts", ".tsx", ".py", ".mjs"]) {
        // Unit tests at the end of a file are not counted.
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines = code.lines().count();
        let ceiling = LONG_FILES.iter().find(|(name, ..)| *name == path).map_or(MOST_LINES, |(_, most, _)| *most);
        if !is_test(&path) && lines > ceiling {
            problems.push(format!("{path}: {lines} lines, at most {ceiling}"));
        }
    }
    none(&problems, "split these files by subject, or list them in LONG_FILES with a reason:");
}

#[test]
fn every_file_opens_with_a_module_note() {
    let problems: Vec<String> = files(&[".rs"])
        .into_iter()
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    none(&problems, "begin these files with `//!`: what lives here, what does not, which invariant:");
}

/// Which crates of ours a crate may use, tests apart (architecture B3).
const EDGES: [(&str, &[&str]); 10] = [
    ("host/model", &[]),
    ("host/catalogue", &["host-model"]),
    ("host/engine", &["host-model"]),
    ("host/store", &["host-model"]),
    ("host/steps", &["host-model"]),
    ("host/notify", &["host-model"]),
    ("host/sandbox", &["host-model"]),
    ("host/python", &["host-model"]),
    ("host/python/embed", &[]),
    ("host/api", &["host-model", "host-engine", "host-catalogue"]),
];

/// One outside library, one owner.
const OWNERS: &[(&str, &[&str])] = &[
    ("sqlx", &["host/store", "host/steps"]),
    ("rusqlite", &["host/steps"]),
    ("wasmtime", &["host/sandbox"]),
    ("wasmtime-wasi", &["host/sandbox"]),
    ("jsonschema", &["host/sandbox"]),
    ("pyo3", &["host/python/embed"]),
    ("axum", &["host/api"]),
    ("utoipa", &["host/api"]),
    ("utoipa-axum", &["host/api"]),
    ("toml", &["host/catalogue", "host/sandbox"]),
    ("toml_edit", &["host/catalogue"]),
    ("similar", &["host/catalogue"]),
    ("reqwest", &["host/steps", "host/notify", "host"]),
    ("ldap3", &["host/steps"]),
    ("lettre", &["host/notify"]),
    ("tiberius", &["host/steps"]),
    ("oracledb", &["host/steps"]),
    ("odbc-api", &["host/steps"]),
    ("cron", &["host/model"]),
    ("libloading", &["host/python"]),
    ("rust-embed", &["host/api"]),
    ("flate2", &["host/api"]),
    ("clap", &["host"]),
    ("notify", &["host"]),
    ("arrow-ipc", &["host/python"]),
];

/// The names in `[dependencies]` and `[target.….dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[dependencies]" || (line.starts_with("[target.") && line.ends_with(".dependencies]"));
        } else if inside && !line.starts_with('#') {
            names.extend(line.split(['.', '=', ' ']).next().filter(|n| !n.is_empty()).map(str::to_owned));
        }
    }
    names
}

fn manifests() -> BTreeMap<String, Vec<String>> {
    let all = files(&["Cargo.toml"]).into_iter();
    all.filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?.to_owned(), dependencies(&text)))).collect()
}

#[test]
fn crates_know_only_whom_they_may() {
    let manifests = manifests();
    let mut problems = Vec::new();
    for (folder, allowed) in EDGES {
        let names = manifests.get(folder).unwrap_or_else(|| panic!("{folder} is gone: mend EDGES"));
        let ours = names.iter().filter(|n| n.starts_with("host-") || *n == "nomaflow-python-embed");
        let wrong = ours.filter(|n| !allowed.contains(&n.as_str()));
        problems.extend(wrong.map(|n| format!("{folder} depends on {n}")));
    }
    for (folder, names) in &manifests {
        let is_guest = folder == "guest-sdk" || folder.starts_with("plugins/") || folder.starts_with("tests/guests");
        problems.extend(
            names.iter().filter(|n| is_guest && n.starts_with("host-")).map(|n| format!("{folder} depends on {n}")),
        );
    }
    none(&problems, "a crate edge that the house plan does not have:");
}

#[test]
fn each_outside_library_has_its_owner() {
    let mut problems = Vec::new();
    for (folder, names) in manifests().iter().filter(|(folder, _)| folder.starts_with("host")) {
        for (library, owners) in OWNERS {
            if names.iter().any(|n| n == library) && !owners.contains(&folder.as_str()) {
                problems.push(format!("{folder} uses {library}, which belongs to {}", owners.join(" and ")));
            }
        }
    }
    none(&problems, "ask the owner's crate for it, through a port of the model:");
}

#[test]
fn the_model_touches_nothing_outside() {
    let mut problems = Vec::new();
    for (path, text) in files(&[".rs"]).into_iter().filter(|(path, _)| path.starts_with("host/model/src")) {
        for banned in
            ["std::fs", "std::net", "std::process", "SystemTime", "Utc::now", "Local::now", "derive(Serialize"]
        {
            if text.contains(banned) && !is_test(&path) {
                problems.push(format!("{path}: {banned}"));
            }
        }
    }
    none(&problems, "the vocabulary has no I/O, no clock and no wire format:");
}

/// Versions of the contract with plugins that are out there: folder below `wit/`, package, digest of its files.
const PUBLISHED: [(&str, &str, &str); 2] = [
    ("step-0.1", "nomaflow:step@0.1.0", "41ec89546225d25e99e377669e34a4a0f79a863cae27d2be99291f1ca7aca872"),
    ("step", "nomaflow:step@1.0.0", "6931c1029ee3ba29b9c6193324e23e292bd65fb5d55324c567f57227041f2c32"),
];

#[test]
fn a_published_contract_is_never_edited() {
    use sha2::{Digest as _, Sha256};
    let texts = files(&[".wit"]);
    let mut problems = Vec::new();
    for (folder, package, digest) in PUBLISHED {
        let below = format!("wit/{folder}/");
        let mut hasher = Sha256::new();
        let mut names_it = false;
        for (path, text) in texts.iter().filter(|(path, _)| path.starts_with(&below)) {
            let text = text.replace('\r', "");
            names_it |= text.contains(&format!("package {package};"));
            hasher.update(format!("{}:{}:", &path[below.len()..], text.len()));
            hasher.update(&text);
        }
        let found = hex::encode(hasher.finalize());
        if found != digest || !names_it {
            problems.push(format!("wit/{folder} should hold {package} with the digest {digest}, it has {found}"));
        }
    }
    for (path, _) in texts.iter().filter(|(path, _)| path.starts_with("wit/")) {
        let folder = path.split('/').nth(1).unwrap_or_default();
        if !PUBLISHED.iter().any(|(known, ..)| *known == folder) {
            problems.push(format!("{path} is not listed among the published versions"));
        }
    }
    none(&problems, "plugins are built against these files: make a new version beside them (see wit/README.md)");
}

#[test]
fn both_dialects_have_the_same_migrations() {
    let names = |dialect: &str| -> Vec<String> {
        let folder = root().join("migrations").join(dialect);
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("migrations")
            .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|n| n.ends_with(".sql"))
            .collect();
        names.sort();
        names
    };
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"), "number migrations alike in both dialects");
    for (name, number) in sqlite.iter().zip(1..) {
        assert!(name.starts_with(&format!("{number:04}_")), "{name} should be number {number:04}");
    }
}

#[test]
fn no_mark_is_left_open() {
    // Written in two parts, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let mut problems = Vec::new();
    for (path, text) in files(&[".rs", ".ts", ".tsx", ".py", ".toml", ".sql", ".wit"]) {
        for (line, number) in text.lines().zip(1..) {
            if marks.iter().any(|m| line.contains(m)) {
                problems.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    none(&problems, "finish it, or open an issue and take the mark out:");
}

/// Names of variables of the environment that stand in a text.
fn variables(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for prefix in ["NOMAFLOW_", "LIBERTY_"] {
        for (at, _) in text.match_indices(prefix) {
            let name: String = text[at..].chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            // `NOMAFLOW_<SECTION>_<KEY>` is a rule, and the middle of a longer name is none.
            let is_whole = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            if is_whole && !name.ends_with('_') {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn every_variable_that_the_documents_name_is_read_somewhere() {
    let sources = files(&[".rs", ".py", ".mjs"]);
    let read: Vec<String> =
        sources.iter().filter(|(path, _)| !is_test(path)).flat_map(|(_, text)| variables(text)).collect();
    let mut problems = Vec::new();
    // Notes for developers are about what their scripts read.
    let for_developers = |path: &str| path.starts_with("tests/") || path.starts_with("web/");
    let documents = files(&[".md", ".service", "Containerfile", "app.toml"]);
    for (path, text) in documents.into_iter().filter(|(path, _)| !for_developers(path)) {
        for name in variables(&text).into_iter().filter(|name| !read.contains(name)) {
            problems.push(format!("{path}: {name}"));
        }
    }
    none(&problems, "nothing reads these variables:");
}

#[test]
fn lock_files_name_no_private_registry() {
    let mut problems = Vec::new();
    for (path, text) in files(&["Cargo.lock", "package-lock.json"]) {
        for line in text.lines().map(str::trim).filter(|l| l.starts_with("source =") || l.starts_with("\"resolved\"")) {
            if !line.contains("registry+https://github.com/rust-lang/crates.io-index") {
                problems.push(format!("{path}: {line}"));
            }
        }
    }
    none(&problems, "lock files carry no registry address:");
}

#[test]
fn wit_items_are_documented() {
    let mut problems = Vec::new();
    for (path, text) in files(&[".wit"]) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (n, line) in lines.iter().enumerate() {
            let is_item = ["interface ", "record ", "variant ", "resource ", "enum ", "world "]
                .iter()
                .any(|k| line.starts_with(k))
                || line.contains(": func(")
                || line.contains(": static func(");
            if is_item && !line.starts_with("///") && !n.checked_sub(1).is_some_and(|p| lines[p].starts_with("///")) {
                problems.push(format!("{path}:{}: {line}", n + 1));
            }
        }
    }
    none(&problems, "a WIT comment is documentation for plugin authors; write one above:");
}
