//! A component is put in force: staged where nobody looks for plugins, compiled and asked what it is there, held against
//! every job of the home, and only then renamed over the one before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host_api::CatalogueSource as _;
use host_api::plugin_desk::{BrokenJob, PluginError, PluginReport, PluginUpload};
use host_catalogue::Catalogue;
use host_model::diagnostic::Severity;
use host_model::plugin_version::{PluginApprovals as _, SeenPlugin};
use host_sandbox::inspect::asked;
use host_sandbox::{ComponentRunner, InForce, SandboxError};
use tempfile::TempDir;

use super::shelf::put;
use super::{Steward, blocking};
use crate::keeper::Reader;

/// Longest name of a plugin or an app.
const LONGEST_NAME: usize = 128;

/// Where a component goes.
struct Place {
    app: String,
    path: PathBuf,
    shown: String,
    before: Option<InForce>,
}

fn refused(message: String, hint: &str) -> PluginError {
    PluginError::Place { message, hint: Some(hint.to_owned()) }
}

/// A name that cannot lead out of the folder it is put in, and that a job can write.
fn ensure_name(what: &str, name: &str) -> Result<(), PluginError> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > LONGEST_NAME || name.starts_with(['_', '-']) || !name.chars().all(is_fine) {
        let shown: String = name.chars().take(LONGEST_NAME).collect();
        let message = format!("`{}` is no name of {what}", shown.escape_debug());
        return Err(refused(message, "letters, digits, `-` and `_`; it begins with a letter or a digit"));
    }
    Ok(())
}

impl Reader {
    /// Where the component of `plugin` is or would be.
    fn place_of(&self, plugin: &str, app: Option<&str>) -> Result<Place, PluginError> {
        ensure_name("a plugin", plugin)?;
        app.map_or(Ok(()), |app| ensure_name("an app", app))?;
        let file = format!("{plugin}.wasm");
        let mut there: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(&self.plugins).into_iter().flatten().filter_map(Result::ok) {
            if entry.path().join(&file).is_file() {
                there.push(entry.path());
            }
        }
        let name = |folder: &Path| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let app = match (app, there.as_slice()) {
            (Some(app), []) => app.to_owned(),
            (None, []) => {
                let message = format!("there is no component `{plugin}` yet, so its app has to be named");
                return Err(refused(message, "name the app, a folder of `plugins/`"));
            }
            (asked, [folder]) if asked.is_none_or(|app| app == name(folder)) => name(folder),
            (_, [folder]) => {
                let message = format!("component `{plugin}` is in app `{}` already", name(folder));
                return Err(refused(message, "install it there, or remove that one first"));
            }
            (_, _) => {
                let message = format!("component `{plugin}` exists more than once");
                return Err(refused(message, "rename or remove all of its files but one"));
            }
        };
        let path = self.plugins.join(&app).join(&file);
        let shown = path.strip_prefix(&self.home).unwrap_or(&path).display().to_string();
        if path.is_file() {
            // One that was not compiled yet is waited for, or there would be no way back to it. What is wrong with one
            // that is to be replaced does not matter.
            let _ = self.sandbox.check_file(&path, &shown, None);
        }
        let before = self.sandbox.in_force().into_iter().find(|it| it.plugin == plugin);
        Ok(Place { app, path, shown, before })
    }
}

/// What was said of a staged file, in the name it would have.
fn renamed(text: &str, staged: &Path, home: &Path, shown: &str) -> String {
    let below = staged.strip_prefix(home).unwrap_or(staged);
    text.replace(&staged.display().to_string(), shown).replace(&below.display().to_string(), shown)
}

/// What it would do to the jobs of the home.
fn compare(before: &Catalogue, after: &Catalogue) -> (Vec<BrokenJob>, Vec<String>) {
    let ids = |catalogue: &Catalogue| catalogue.invalid.iter().map(|job| job.id.clone()).collect::<BTreeSet<_>>();
    let (was, is) = (ids(before), ids(after));
    let breaks = after.invalid.iter().filter(|job| !was.contains(&job.id)).map(|job| BrokenJob {
        id: job.id.clone(),
        problems: job
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| found.message.clone())
            .collect(),
    });
    (breaks.collect(), was.difference(&is).cloned().collect())
}

/// An upload where nobody looks for plugins. It goes away when it is dropped, and what was found out about it.
struct Staged<'s> {
    path: PathBuf,
    sandbox: &'s ComponentRunner,
    _folder: TempDir,
}

impl<'s> Staged<'s> {
    fn write(data: &Path, plugin: &str, bytes: &[u8], sandbox: &'s ComponentRunner) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("upload-").tempdir_in(data)?;
        let path = folder.path().join(plugin).with_extension("wasm");
        std::fs::write(&path, bytes)?;
        Ok(Self { path, sandbox, _folder: folder })
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        self.sandbox.forget(&self.path);
    }
}

struct Looked {
    report: PluginReport,
    place: Place,
}

impl Steward {
    pub(super) async fn put_in_force(&self, upload: PluginUpload) -> Result<PluginReport, PluginError> {
        let _turn = self.turn.lock().await;
        let PluginUpload { plugin, app, bytes, consent, by } = upload;
        let (reader, current, data) = (self.keeper.reader().clone(), self.keeper.current(), self.data.clone());
        let (name, file) = (plugin.clone(), bytes.clone());
        let looked = blocking(move || look(&reader, &current, &data, &name, app.as_deref(), &file)).await??;
        let Looked { mut report, place } = looked;
        self.book.refresh().await?;
        let wanted: BTreeSet<String> = report.asked.iter().cloned().collect();
        report.excess = self.book.known_excess(&plugin, &wanted);
        if consent.dry_run {
            return Ok(report);
        }
        if !report.excess.is_empty() && !consent.approve {
            return Err(PluginError::Unapproved(Box::new(report)));
        }
        if !report.breaks.is_empty() && !consent.break_jobs {
            return Err(PluginError::Breaks(Box::new(report)));
        }
        if let Some(before) = place.before.clone() {
            // One that nobody noted yet, so that there is a way back to it.
            self.book.note_all(vec![before], &self.shelf, &self.keeper.current().pins).await;
        }
        let (path, shown) = (place.path.clone(), place.shown.clone());
        let written = blocking(move || put(&path, &bytes)).await?;
        written.map_err(|error| PluginError::File { operation: "write", path: shown, why: error.to_string() })?;
        let found = InForce {
            path: place.path,
            plugin: plugin.clone(),
            app: place.app,
            digest: report.digest.clone(),
            bytes: report.bytes,
            asked: wanted,
        };
        let seen = SeenPlugin { by: by.clone(), ..found.clone().into_seen() };
        self.book.note(seen).await?;
        if !report.excess.is_empty() {
            self.book.approve(&plugin, &report.digest, &by).await?;
            report.excess.clear();
        }
        self.book.note_all(vec![found], &self.shelf, &self.keeper.current().pins).await;
        self.keeper.reload().await;
        tracing::info!(plugin, digest = report.digest, by, "component installed");
        report.installed = true;
        Ok(report)
    }
}

/// Finds out what it is, with nothing changed but a staged file that goes away again.
fn look(
    reader: &Reader,
    current: &Arc<Catalogue>,
    data: &Path,
    plugin: &str,
    app: Option<&str>,
    bytes: &[u8],
) -> Result<Looked, PluginError> {
    let place = reader.place_of(plugin, app)?;
    let unwritable = |error: std::io::Error| PluginError::File {
        operation: "stage",
        path: place.shown.clone(),
        why: error.to_string(),
    };
    let staged = Staged::write(data, plugin, bytes, &reader.sandbox).map_err(unwritable)?;
    let name = |text: &str| renamed(text, &staged.path, &reader.home, &place.shown);
    let wrong = |error: SandboxError| PluginError::Unsound {
        message: name(&error.to_string()),
        hint: error.hint().map(|hint| name(&hint)),
    };
    let inspection = reader.sandbox.inspect(&staged.path).map_err(wrong)?;
    // The schemas too: nobody could call what has a bad one.
    reader.sandbox.check_file(&staged.path, &place.shown, None).map_err(wrong)?;
    let sandbox = reader.sandbox.with_stand_in(plugin, &staged.path, &place.path);
    let stand_in = Reader { sandbox, ..reader.clone() };
    let (mut breaks, mends) = compare(current, &stand_in.read_jobs());
    breaks.iter_mut().flat_map(|job| &mut job.problems).for_each(|problem| *problem = name(problem));
    let callables: Vec<String> = inspection.callables.iter().map(|it| it.name.clone()).collect();
    let former = place.before.as_ref().and_then(|it| reader.sandbox.inspect(&it.path).ok());
    let former = former.into_iter().flat_map(|it| it.callables).map(|it| it.name);
    let removed = former.filter(|name| !callables.contains(name)).collect();
    let report = PluginReport {
        plugin: plugin.to_owned(),
        app: place.app.clone(),
        path: place.shown.clone(),
        digest: inspection.digest,
        bytes: inspection.bytes as u64,
        previous: place.before.as_ref().map(|it| it.digest.clone()),
        asked: asked(&inspection.imports).into_iter().collect(),
        excess: Vec::new(),
        callables,
        removed,
        breaks,
        mends,
        installed: false,
    };
    Ok(Looked { report, place })
}

#[cfg(test)]
mod tests {
    use super::ensure_name;

    #[test]
    fn names_that_lead_elsewhere_or_that_no_job_can_write_are_refused() {
        assert!(["words", "words-py", "a", "sales_2"].into_iter().all(|name| ensure_name("a plugin", name).is_ok()));
        for name in ["", "..", ".", "../x", "a/b", "a\\b", ".hidden", "_private", "-x", "a.b", "a b", "a\0", "ü", "a:b"]
        {
            assert!(ensure_name("a plugin", name).is_err(), "{name:?}");
        }
        assert!(ensure_name("a plugin", &"a".repeat(129)).is_err());
    }
}
