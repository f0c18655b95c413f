//! Which interpreter the steps of an app run on, and where their code is looked for. An app may have an interpreter of
//! its own, so that two apps can use two versions of one package: what the operator names in `[python.apps]`, else the
//! virtual environment `plugins/<app>/.venv`, else the interpreter of everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of an app's virtual environment, in the app's folder.
pub(crate) const VENV: &str = ".venv";
/// What an app needs, in the app's folder.
pub(crate) const REQUIREMENTS: &str = "requirements.txt";
/// The requirements a virtual environment was made for, kept inside it.
pub(crate) const MADE_FOR: &str = "nomaflow-requirements.txt";

/// The interpreters of a home's apps.
#[derive(Debug, Clone)]
pub struct AppInterpreters {
    /// The folder `plugins`.
    pub plugins: PathBuf,
    /// For apps without one of their own: a path, or a name on PATH.
    pub default: PathBuf,
    /// By app; relative paths are relative to the app's folder.
    pub named: BTreeMap<String, PathBuf>,
}

impl AppInterpreters {
    /// The interpreter that steps of `app` run on.
    pub fn interpreter_of(&self, app: &str) -> PathBuf {
        let folder = self.folder_of(app);
        if let Some(named) = self.named.get(app) {
            // A bare name is looked for on PATH.
            let is_path = named.components().count() > 1;
            return if is_path { folder.join(named) } else { named.clone() };
        }
        let own = folder.join(VENV).join("bin/python");
        if !app.is_empty() && own.is_file() { own } else { self.default.clone() }
    }

    /// Folders below `plugins` that hold an app, by name.
    pub fn list_apps(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.plugins).into_iter().flatten().flatten();
        let mut apps: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with(['.', '_']))
            .collect();
        apps.sort_unstable();
        apps
    }

    pub(crate) fn folder_of(&self, app: &str) -> PathBuf {
        self.plugins.join(app)
    }

    /// The import path of `app`'s steps, in front of the interpreter's own: its folder, those of the other apps in the
    /// order of their names, then `plugins` itself.
    pub(crate) fn roots(&self, app: &str) -> Vec<String> {
        let mut apps = self.list_apps();
        // The sort is stable: the others keep their order.
        apps.sort_by_key(|other| other != app);
        let mut roots: Vec<String> = apps.iter().map(|app| text(&self.folder_of(app))).collect();
        roots.push(text(&self.plugins));
        roots
    }

    /// When the packages of the app's own virtual environment last changed, as far as its folders tell. Workers started
    /// before do not see the new ones.
    pub(crate) fn packages_changed_at(&self, interpreter: &Path) -> Option<SystemTime> {
        let venv = interpreter.parent()?.parent()?;
        let changed = |path: PathBuf| std::fs::metadata(path).and_then(|data| data.modified()).ok();
        let made = changed(venv.join("pyvenv.cfg"))?;
        let versions = std::fs::read_dir(venv.join("lib")).into_iter().flatten().flatten();
        let packages = versions.filter_map(|version| changed(version.path().join("site-packages")));
        Some(packages.fold(made, SystemTime::max))
    }

    /// A sentence for the log when the virtual environment of `app` was made for other requirements than it has now.
    pub(crate) fn stale_requirements(&self, app: &str) -> Option<String> {
        let folder = self.folder_of(app);
        let made_for = std::fs::read(folder.join(VENV).join(MADE_FOR)).ok()?;
        let wanted = std::fs::read(folder.join(REQUIREMENTS)).unwrap_or_default();
        (!self.named.contains_key(app) && made_for != wanted).then(|| {
            format!(
                "`{REQUIREMENTS}` of app `{app}` has changed since its virtual environment was made; `{}` renews it",
                command(app)
            )
        })
    }

    /// What may help when a module is missing: the app says what it needs, and nobody installed it.
    pub(crate) fn missing_environment(&self, app: &str) -> Option<String> {
        let folder = self.folder_of(app);
        let is_wanted = folder.join(REQUIREMENTS).is_file();
        let has_one = self.named.contains_key(app) || folder.join(VENV).is_dir();
        (is_wanted && !has_one).then(|| {
            format!("app `{app}` has a `{REQUIREMENTS}` and no virtual environment; `{}` makes it", command(app))
        })
    }
}

fn command(app: &str) -> String {
    format!("nomaflow plugin venv {app}")
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(plugins: &Path) -> AppInterpreters {
        AppInterpreters { plugins: plugins.to_owned(), default: "python3".into(), named: BTreeMap::new() }
    }

    #[test]
    fn an_app_uses_what_the_operator_names_then_its_own_environment_then_that_of_everybody() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("shop/.venv/bin");
        std::fs::create_dir_all(&bin).unwrap();
        let mut apps = apps(folder.path());
        assert_eq!(apps.interpreter_of("shop"), Path::new("python3"));
        std::fs::write(bin.join("python"), "").unwrap();
        assert_eq!(apps.interpreter_of("shop"), bin.join("python"));
        assert_eq!(apps.interpreter_of("other"), Path::new("python3"));
        apps.named.insert("shop".into(), "env/bin/python".into());
        assert_eq!(apps.interpreter_of("shop"), folder.path().join("shop/env/bin/python"));
        apps.named.insert("shop".into(), "/opt/shop/bin/python".into());
        assert_eq!(apps.interpreter_of("shop"), Path::new("/opt/shop/bin/python"));
        apps.named.insert("shop".into(), "python3.12".into());
        assert_eq!(apps.interpreter_of("shop"), Path::new("python3.12"));
    }

    #[test]
    fn the_own_folder_of_an_app_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", ".hidden", "_private"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let names = |app: &str| -> Vec<String> {
            let roots = apps(folder.path()).roots(app).into_iter();
            roots.map(|root| root[folder.path().to_str().unwrap().len()..].to_owned()).collect()
        };
        assert_eq!(names("b"), ["/b", "/a", "/c", ""]);
        assert_eq!(names("unknown"), ["/a", "/b", "/c", ""]);
    }

    #[test]
    fn requirements_that_nobody_installed_or_that_changed_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("shop");
        std::fs::create_dir_all(&app).unwrap();
        let mut apps = apps(folder.path());
        assert_eq!((apps.missing_environment("shop"), apps.stale_requirements("shop")), (None, None));
        std::fs::write(app.join(REQUIREMENTS), "a==1\n").unwrap();
        assert!(apps.missing_environment("shop").unwrap().contains("`nomaflow plugin venv shop` makes it"));
        std::fs::create_dir_all(app.join(VENV)).unwrap();
        std::fs::write(app.join(VENV).join(MADE_FOR), "a==1\n").unwrap();
        assert_eq!((apps.missing_environment("shop"), apps.stale_requirements("shop")), (None, None));
        std::fs::write(app.join(REQUIREMENTS), "a==2\n").unwrap();
        assert!(apps.stale_requirements("shop").unwrap().contains("`nomaflow plugin venv shop` renews it"));
        apps.named.insert("shop".into(), "/opt/x/bin/python".into());
        assert_eq!(apps.stale_requirements("shop"), None);
    }
}
