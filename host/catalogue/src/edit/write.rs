//! Putting changed files in place. Each is written whole beside its target, to the disk, and then renamed over it; links
//! are followed, mode and owner stay. Several files that belong together go through a journal: from the moment it is on
//! the disk the change will happen, now or at the next start; before it, nothing has.
//!
//! Order of a change with a journal: stage every file, write the journal, do what the caller has to do in the store, put
//! the files in place, remove the journal. Whoever is killed leaves old files and no journal, or a journal that
//! [`Journal::find`] finds and [`Journal::finish`] carries out; both may be repeated.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use host_model::Json;
use serde_json::json;

use super::EditError;

/// A file as it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// As shown to people.
    pub shown: String,
    /// What it held when it was read; `None` when there was none.
    pub before: Option<Vec<u8>>,
    /// What it will hold.
    pub after: String,
}

/// What else belongs to a change: a job goes on under another id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRename {
    /// The id until now.
    pub from: String,
    /// The id from now on.
    pub to: String,
}

/// A change of several files that is under way.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    files: Vec<(PathBuf, PathBuf)>,
    /// What the store has to do.
    pub rename: Option<JournalRename>,
}

/// One editor of a home at a time, over all its processes; ends when dropped.
#[derive(Debug)]
pub struct EditLock(File);

impl EditLock {
    /// Waits for its turn. Blocks.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn take(data: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(data.join("catalogue.lock"))?;
        file.lock()?;
        Ok(Self(file))
    }
}

impl Drop for EditLock {
    fn drop(&mut self) {
        // The lock goes with the file in any case.
        let _ = self.0.unlock();
    }
}

/// Puts one file in place.
///
/// # Errors
/// [`EditError::Changed`] and [`EditError::Unwritable`]; the file is as it was.
pub(crate) fn put(change: &Change) -> Result<(), EditError> {
    let (target, staged) = stage(change)?;
    ensure_unchanged(change).inspect_err(|_| drop(std::fs::remove_file(&staged)))?;
    place(&target, &staged).map_err(|error| unwritable(&change.shown, &error))
}

impl Journal {
    /// Stages `changes` and writes down that they will be made.
    ///
    /// # Errors
    /// Like for one file; nothing has changed then.
    pub fn begin(data: &Path, changes: &[Change], rename: Option<JournalRename>) -> Result<Self, EditError> {
        let mut files = Vec::new();
        let staged = changes.iter().try_for_each(|change| {
            files.push(stage(change)?);
            Ok(())
        });
        let begun = staged.and_then(|()| changes.iter().try_for_each(ensure_unchanged)).and_then(|()| {
            let path = Self::path_in(data);
            let journal = Self { path: path.clone(), files: files.clone(), rename };
            let draft = path.with_extension("new");
            let written =
                write_whole(&draft, journal.to_json().to_string().as_bytes()).and_then(|()| place(&path, &draft));
            written.map_err(|error| unwritable(&path.display().to_string(), &error))?;
            Ok(journal)
        });
        if begun.is_err() {
            files.iter().for_each(|(_, staged)| drop(std::fs::remove_file(staged)));
        }
        begun
    }

    /// The change that a process did not finish, if there is one.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn find(data: &Path) -> Result<Option<Self>, EditError> {
        let path = Self::path_in(data);
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(EditError::Unreadable { file: shown, why: error.to_string() }),
        };
        let read = || {
            let json: Json = serde_json::from_str(&text).ok()?;
            let text = |value: &Json| value.as_str().map(str::to_owned);
            let files = json["files"].as_array()?.iter();
            let files = files.map(|pair| Some((text(&pair["target"])?.into(), text(&pair["staged"])?.into())));
            let rename = match &json["rename"] {
                Json::Null => None,
                rename => Some(JournalRename { from: text(&rename["from"])?, to: text(&rename["to"])? }),
            };
            Some(Self { path: path.clone(), files: files.collect::<Option<_>>()?, rename })
        };
        read()
            .map(Some)
            .ok_or_else(|| EditError::Unreadable { file: shown, why: "it is no journal of ours".to_owned() })
    }

    /// Puts the files in place and ends the journal. Files that are in place already stay.
    ///
    /// # Errors
    /// When the file system refuses; the journal stays, and the next start goes on.
    pub fn finish(self) -> Result<(), EditError> {
        for (target, staged) in &self.files {
            match place(target, staged) {
                Err(error) if error.kind() == ErrorKind::NotFound && !staged.exists() => {}
                other => other.map_err(|error| unwritable(&target.display().to_string(), &error))?,
            }
        }
        self.remove()
    }

    /// Undoes what was prepared; only before anything else was done.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn give_up(self) -> Result<(), EditError> {
        let removed = self.files.iter().map(|(_, staged)| std::fs::remove_file(staged)).collect::<Vec<_>>();
        drop(removed);
        self.remove()
    }

    fn remove(&self) -> Result<(), EditError> {
        let removed = std::fs::remove_file(&self.path).and_then(|()| sync_folder(&self.path));
        removed.map_err(|error| unwritable(&self.path.display().to_string(), &error))
    }

    fn path_in(data: &Path) -> PathBuf {
        data.join("catalogue.journal")
    }

    fn to_json(&self) -> Json {
        let files: Vec<Json> =
            self.files.iter().map(|(target, staged)| json!({ "target": target, "staged": staged })).collect();
        let rename = self.rename.as_ref().map(|rename| json!({ "from": rename.from, "to": rename.to }));
        json!({ "files": files, "rename": rename })
    }
}

fn unwritable(shown: &str, error: &std::io::Error) -> EditError {
    EditError::Unwritable { file: shown.to_owned(), why: error.to_string() }
}

/// Where a path leads in the end; a link to nothing leads nowhere.
fn target_of(path: &Path) -> std::io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => Ok(path.to_owned()),
        other => other,
    }
}

fn stage(change: &Change) -> Result<(PathBuf, PathBuf), EditError> {
    let work = || {
        let target = target_of(&change.path)?;
        let folder = target.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Hidden, so that nobody reads it; one name, so that what a crash leaves is written over.
        let staged = folder.join(format!(".{name}.new"));
        write_whole(&staged, change.after.as_bytes())?;
        if let Ok(known) = std::fs::metadata(&target) {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::set_permissions(&staged, known.permissions())?;
            // Only root may give files away; whoever else writes here owns what he writes.
            let _ = std::os::unix::fs::chown(&staged, Some(known.uid()), Some(known.gid()));
        }
        Ok((target, staged))
    };
    work().map_err(|error: std::io::Error| unwritable(&change.shown, &error))
}

fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A link that somebody put there is not followed.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

fn ensure_unchanged(change: &Change) -> Result<(), EditError> {
    let now = match std::fs::read(&change.path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(EditError::Unreadable { file: change.shown.clone(), why: error.to_string() }),
    };
    if now == change.before { Ok(()) } else { Err(EditError::Changed { file: change.shown.clone() }) }
}

fn place(target: &Path, staged: &Path) -> std::io::Result<()> {
    std::fs::rename(staged, target)?;
    sync_folder(target)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
