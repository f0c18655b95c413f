//! Golden cases. `cases/<name>.toml` is the `plugins/demo/jobs.toml` of a common home; a folder `cases/<name>/` is a home
//! of its own. What the case comes to stands in `<name>.out`; `BLESS=1` writes it anew, and the diff is then read.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

mod support;

use std::path::{Path, PathBuf};

use support::{COMPONENT, load_home, write_down, write_home};

fn cases_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else if target.extension().is_some_and(|e| e == "component") {
            std::fs::write(target.with_extension("wasm"), COMPONENT).unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn outcome(case: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    if case.is_dir() {
        copy_folder(case, home.path());
    } else {
        write_home(home.path());
        std::fs::copy(case, home.path().join("plugins/demo/jobs.toml")).unwrap();
    }
    write_down(&load_home(home.path()))
}

#[test]
fn every_case_comes_to_what_is_written_beside_it() {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(cases_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| path.is_dir() || path.extension().is_some_and(|e| e == "toml"));
    cases.sort();
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let found = outcome(case);
        let expected_file = case.with_extension("out");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected_file, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&expected_file).unwrap_or_default();
        if found != expected {
            wrong.push(format!("--- {}\nexpected:\n{expected}\nfound:\n{found}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases differ\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
