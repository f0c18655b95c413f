//! `web/src/settings/crates.json` is made here, of what cargo says is in the program, and compared: the page names everything
//! of others that Nomaflow carries. `NOMAFLOW_WRITE_DOCS=1 cargo test --test tidy` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

use super::root;

const LIST: &str = "web/src/settings/crates.json";
/// The program, and the library for Python that it carries.
const CARRIED: [&str; 4] = ["--package", "host", "--package", "nomaflow-python-embed"];

/// Name, version and licence of each crate that is not ours, sorted.
fn crates() -> BTreeSet<[String; 3]> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let output = command.args(["--format", "{p}|{l}"]).args(CARRIED).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let found = text.lines().filter_map(|line| {
        let (package, licence) = line.rsplit_once('|')?;
        // Ours stand with the folder they are in; what was listed before has a mark at the end.
        let (name, version) = package.split_once(" v").filter(|_| !package.ends_with(')'))?;
        Some([name, version, licence.trim_end_matches(" (*)")].map(str::to_owned))
    });
    found.collect()
}

#[test]
fn every_crate_in_the_program_is_named_with_its_licence() {
    let crates = crates();
    assert!(crates.len() > 100, "cargo tree told of {} crates", crates.len());
    let without: Vec<_> = crates.iter().filter(|[_, _, licence]| licence.is_empty()).collect();
    assert!(without.is_empty(), "these say no licence: {without:?}");
    let mut rows = Vec::new();
    for [name, version, licence] in &crates {
        let mut row = String::new();
        write!(row, "  [{name:?}, {version:?}, {licence:?}]").expect("a string takes it");
        rows.push(row);
    }
    let text = format!("[\n{}\n]\n", rows.join(",\n"));
    if std::env::var_os("NOMAFLOW_WRITE_DOCS").is_some() {
        std::fs::write(root().join(LIST), &text).expect("it can be written");
    }
    let found = std::fs::read_to_string(root().join(LIST)).unwrap_or_default();
    assert!(found == text, "{LIST} is not what the program carries: `NOMAFLOW_WRITE_DOCS=1 cargo test --test tidy`");
}
