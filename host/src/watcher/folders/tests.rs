//! Which folders are found, and which paths matter.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::os::unix::fs::symlink;

use super::*;

struct Place {
    folders: Folders,
    root: PathBuf,
    _folder: tempfile::TempDir,
}

/// A home in which every one of `files` exists, watched.
fn place(files: &[&str], links: &[(&str, &str)]) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for file in files {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    for (link, to) in links {
        symlink(to, root.join(link)).unwrap();
    }
    let watcher = notify::recommended_watcher(|_| {}).unwrap();
    let mut folders = Folders::new(watcher, &root.join("home"), root.join("home/plugins"));
    folders.sync();
    Place { folders, root, _folder: folder }
}

impl Place {
    fn watched(&self) -> Vec<String> {
        let shown = |path: &PathBuf| path.strip_prefix(&self.root).unwrap().display().to_string();
        self.folders.watched.iter().map(shown).collect()
    }

    fn note(&mut self, path: &str) -> bool {
        self.folders.note(&self.root.join(path))
    }
}

#[test]
fn folders_of_ours_are_watched_and_others_are_not() {
    let place = place(
        &[
            "home/data/nomaflow.db",
            "home/plugins/app/jobs.toml",
            "home/plugins/app/package/deep/work.py",
            "home/plugins/app/__pycache__/work.pyc",
            "home/plugins/app/node_modules/x/index.js",
            "home/plugins/app/target/CACHEDIR.TAG",
            "home/plugins/app/target/debug/x.toml",
            "home/plugins/app/venv/pyvenv.cfg",
            "home/plugins/.git/config",
        ],
        &[],
    );
    let app = "home/plugins/app";
    let expected = ["home", "home/plugins", app, "home/plugins/app/package", "home/plugins/app/package/deep"];
    assert_eq!(place.watched(), expected);
}

#[test]
fn links_are_followed_once_and_loops_end() {
    let place = place(
        &["away/app/jobs.toml", "etc/connectors.toml", "lib/shared.toml", "home/plugins/own/x.py"],
        &[
            ("home/plugins/linked", "../../away/app"),
            ("home/plugins/again", "../../away/app"),
            ("home/plugins/own/up", "../../plugins"),
            ("home/plugins/own/jobs.toml", "../../../lib/shared.toml"),
            ("home/connectors.toml", "../etc/connectors.toml"),
        ],
    );
    let mut watched = place.watched();
    // Either name will do for the folder that has two.
    watched.retain(|path| !path.ends_with("/linked") && !path.ends_with("/again"));
    assert_eq!(watched, ["etc", "home", "home/plugins", "home/plugins/own", "lib"]);
    assert_eq!(place.folders.watched.len(), 6);
}

#[test]
fn a_link_that_leads_nowhere_is_waited_for() {
    let mut place = place(&["home/plugins/own/x.py"], &[("home/plugins/later", "../../away")]);
    // An editor's lock is such a link too.
    symlink("somebody@host.1", place.root.join("home/plugins/own/.#jobs.toml")).unwrap();
    place.folders.sync();
    assert_eq!(place.folders.missing.len(), 1);
    assert!(place.folders.is_one_missing() && !place.folders.has_one_come());
    std::fs::create_dir(place.root.join("away")).unwrap();
    assert!(place.folders.has_one_come());
    place.folders.sync();
    assert!(!place.folders.is_one_missing() && place.watched().contains(&"home/plugins/later".to_owned()));
}

#[test]
fn only_what_is_read_matters() {
    let mut place = place(&["home/plugins/app/jobs.toml", "home/plugins/app/package/x.txt", "home/data/x"], &[]);
    for path in [
        "home/connectors.toml",
        "home/plugins/app/jobs.toml",
        "home/plugins/app/echo.wasm",
        "home/plugins/app/package/work.py",
        "home/plugins/app/..data",
        "home/plugins/app",
        "home/plugins",
    ] {
        assert!(place.note(path), "{path}");
        place.folders.sync();
    }
    for path in [
        "home/app.toml",
        "home/data",
        "home/data/nomaflow.db-wal",
        "home/plugins/app/.jobs.toml.swp",
        "home/plugins/app/.#jobs.toml",
        "home/plugins/app/jobs.toml~",
        "home/plugins/app/4913",
        "home/plugins/app/work.pyc",
        "home/plugins/app/__pycache__",
        "home/plugins/app/gone",
    ] {
        assert!(!place.note(path), "{path}");
    }
}

#[test]
fn a_folder_that_was_replaced_is_watched_anew() {
    let mut place = place(&["home/plugins/app/package/x.py"], &[]);
    assert!(place.note("home/plugins/app"));
    assert_eq!(place.watched(), ["home", "home/plugins"], "what is below it goes with it");
    place.folders.sync();
    assert_eq!(place.watched().len(), 4);
}
