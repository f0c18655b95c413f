//! Modules installed in the virtual environment of an app, `plugins/<app>/.venv`, found by looking at its files as the
//! import system would: sources, packages, compiled modules, and the folders that `.pth` files add. Nothing is imported,
//! so where a `.pth` file runs code of its own, a module that is not seen may be there all the same.

use std::path::{Path, PathBuf};

/// The folder of an app's virtual environment, in the app's folder.
const VENV: &str = ".venv";

/// What there is of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// Its source.
    Source(PathBuf),
    /// It is compiled, or only running code would tell.
    Unseen,
    /// Nothing.
    Missing,
}

/// Looks for `module` (`pkg.module`) in the environment of the app whose folder is `app`.
pub(crate) fn find_installed(app: &Path, module: &str) -> Installed {
    let below = module.replace('.', "/");
    let mut is_certain = true;
    for site in site_packages(&app.join(VENV)) {
        let mut folders = vec![site.clone()];
        is_certain &= add_listed(&site, &mut folders);
        for folder in folders {
            match look_in(&folder, &below) {
                Installed::Missing => {}
                found => return found,
            }
        }
    }
    if is_certain { Installed::Missing } else { Installed::Unseen }
}

/// `lib/python3.x/site-packages`, of as many versions as were installed.
fn site_packages(venv: &Path) -> Vec<PathBuf> {
    if !venv.join("pyvenv.cfg").is_file() {
        return Vec::new();
    }
    let folders = entries(&venv.join("lib")).into_iter().map(|version| version.join("site-packages"));
    folders.filter(|folder| folder.is_dir()).collect()
}

fn look_in(folder: &Path, below: &str) -> Installed {
    let place = folder.join(below);
    let source = [place.with_extension("py"), place.join("__init__.py")].into_iter().find(|path| path.is_file());
    if let Some(source) = source {
        return Installed::Source(source);
    }
    // `name.so`, `name.abi3.so`, `name.cpython-311-x86_64-linux-gnu.so`
    let stem = place.file_name().map(|name| format!("{}.", name.to_string_lossy())).unwrap_or_default();
    let is_compiled = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with(&stem) && (name.ends_with(".so") || name.ends_with(".pyc"))
    };
    let beside = place.parent().map(entries).unwrap_or_default();
    let inside = place.join("__init__.pyc").is_file();
    if inside || beside.iter().any(is_compiled) { Installed::Unseen } else { Installed::Missing }
}

/// Adds the folders that `.pth` files of `site` name. False when one of them runs code.
fn add_listed(site: &Path, folders: &mut Vec<PathBuf>) -> bool {
    let mut is_certain = true;
    for file in entries(site).iter().filter(|path| path.extension().is_some_and(|ending| ending == "pth")) {
        let text = std::fs::read(file).unwrap_or_default();
        for line in String::from_utf8_lossy(&text).lines().map(str::trim_end) {
            if line.starts_with("import ") || line.starts_with("import\t") {
                // That of setuptools, in every environment of the older Pythons, only helps `distutils`.
                is_certain &= file.file_name().is_some_and(|name| name == "distutils-precedence.pth");
            } else if !line.is_empty() && !line.starts_with('#') {
                folders.push(site.join(line));
            }
        }
    }
    is_certain
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_an_environment_are_found_by_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join(".venv/lib/python3.12/site-packages");
        let put = |name: &str, text: &str| {
            let path = site.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("shop/__init__.py", "");
        put("shop/totals.py", "");
        put("fast.cpython-312-x86_64-linux-gnu.so", "");
        put("distutils-precedence.pth", "import os; os.getcwd()\n");
        put("editable.pth", "# where it is worked on\n../../../../sources\n");
        std::fs::create_dir_all(folder.path().join("sources")).unwrap();
        std::fs::write(folder.path().join("sources/draft.py"), "").unwrap();
        let find = |module: &str| find_installed(folder.path(), module);
        assert_eq!(find("shop.totals"), Installed::Missing, "a folder without pyvenv.cfg is no environment");
        std::fs::write(folder.path().join(".venv/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        assert_eq!(find("shop"), Installed::Source(site.join("shop/__init__.py")));
        assert_eq!(find("shop.totals"), Installed::Source(site.join("shop/totals.py")));
        assert_eq!(find("shop.nothing"), Installed::Missing);
        assert_eq!(find("fast"), Installed::Unseen);
        assert_eq!(find("fas"), Installed::Missing);
        assert_eq!(find("draft"), Installed::Source(site.join("../../../../sources/draft.py")));
        put("__editable___more_finder.pth", "import __editable___more_finder; x()\n");
        assert_eq!(find("more"), Installed::Unseen, "code decides where it is");
    }
}
