//! What is saved for a job, and changes to several jobs collected into changes to files. Nothing is written here.
//!
//! A job of a file marked `[meta] vendor = true` is changed in the `jobs.local.toml` beside it. Invariant: each change is
//! read back from the new text and compared with what was meant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host_model::{Json, JsonMap};
use sha2::{Digest as _, Sha256};

use super::blocks::{Blocks, append, cut, line_break, splice, with_breaks_of};
use super::form::{edited, job_json, job_text, without_nulls};
use super::overlaying::{difference, effective};
use super::write::{Change, put};
use super::{EditError, is_same};

const BASE: &str = "jobs.toml";
const LOCAL: &str = "jobs.local.toml";

/// The job files below a plugins folder.
#[derive(Debug, Clone)]
pub struct JobFiles {
    root: PathBuf,
    shown: String,
}

/// A job as somebody wants it.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// With the keys of the file.
    Job(JsonMap),
    /// One `[[jobs]]` table with everything below it.
    Text(String),
}

impl Content {
    /// The job it declares.
    ///
    /// # Errors
    /// When the text is not one `[[jobs]]` table.
    pub fn job(&self) -> Result<JsonMap, EditError> {
        match self {
            Self::Job(job) => Ok(without_nulls(job)),
            Self::Text(text) => job_json(text),
        }
    }

    /// It as a text of its own.
    ///
    /// # Errors
    /// When a value has no form in TOML.
    pub fn text(&self) -> Result<String, EditError> {
        match self {
            Self::Job(job) => job_text(job),
            Self::Text(text) => Ok(text.clone()),
        }
    }
}

/// What is saved for a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The id.
    pub id: String,
    /// The app.
    pub app: String,
    /// The file that declares it, as shown to people.
    pub file: String,
    /// Whether that file is a vendor's.
    pub is_vendor: bool,
    /// Its text in that file.
    pub text: String,
    /// What lies over it.
    pub local: Option<String>,
    /// What comes of both, with the keys of the file.
    pub job: JsonMap,
    /// Changes with every byte that is saved for it.
    pub etag: String,
}

impl Saved {
    /// The whole job as one text.
    pub fn whole_text(&self) -> String {
        match self.local {
            None => self.text.clone(),
            Some(_) => edited(&self.text, &self.job).unwrap_or_else(|_| self.text.clone()),
        }
    }
}

impl JobFiles {
    /// Those below `root`, which messages call `shown`.
    pub fn new(root: &Path, shown: &str) -> Self {
        Self { root: root.to_owned(), shown: shown.to_owned() }
    }

    /// The apps there are.
    pub fn apps(&self) -> Vec<String> {
        crate::plugin_files::PluginFiles::scan(self.root.clone(), self.shown.clone())
            .map(|files| files.apps)
            .unwrap_or_default()
    }

    /// Every job, by app and in the order of the files, and the files that cannot be told apart into jobs.
    pub fn all(&self) -> (Vec<Saved>, Vec<EditError>) {
        let mut plan = Plan::new(self);
        let (mut saved, mut errors) = (Vec::new(), Vec::new());
        for app in self.apps() {
            match plan.saved_of(&app) {
                Ok(mut found) => saved.append(&mut found),
                Err(error) => errors.push(error),
            }
        }
        (saved, errors)
    }
}

/// Changes that belong together.
#[derive(Debug)]
pub struct Plan<'f> {
    files: &'f JobFiles,
    /// By app and name.
    open: BTreeMap<(String, &'static str), Opened>,
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    shown: String,
    before: Option<Vec<u8>>,
    was: String,
    text: String,
}

impl<'f> Plan<'f> {
    /// Nothing yet.
    pub fn new(files: &'f JobFiles) -> Self {
        Self { files, open: BTreeMap::new() }
    }

    fn file(&mut self, app: &str, name: &'static str) -> Result<&mut Opened, EditError> {
        let key = (app.to_owned(), name);
        if !self.open.contains_key(&key) {
            let path = self.files.root.join(app).join(name);
            let shown = format!("{}/{app}/{name}", self.files.shown);
            let unreadable = |why: String| EditError::Unreadable { file: shown.clone(), why };
            let before = match std::fs::read(&path) {
                Ok(bytes) => Some(bytes),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => None,
                Err(error) => return Err(unreadable(error.to_string())),
            };
            let text = String::from_utf8(before.clone().unwrap_or_default());
            let text = text.map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
            self.open.insert(key.clone(), Opened { path, shown, before, was: text.clone(), text });
        }
        self.open.get_mut(&key).ok_or_else(|| EditError::Misread { file: name.to_owned() })
    }

    /// Every job of an app, as planned.
    ///
    /// # Errors
    /// When one of its files cannot be told apart into jobs.
    pub fn saved_of(&mut self, app: &str) -> Result<Vec<Saved>, EditError> {
        self.saved_where(app, |_| true)
    }

    /// Those of an app whose id is `wanted`; the others are not even read.
    fn saved_where(&mut self, app: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<Saved>, EditError> {
        let mut parts = Vec::new();
        for name in [BASE, LOCAL] {
            let file = self.file(app, name)?;
            parts.push((file.shown.clone(), file.text.clone(), Blocks::find(&file.text, &file.shown)?));
        }
        let [(base_shown, base, base_blocks), (local_shown, local, local_blocks)] = &parts[..] else {
            return Ok(Vec::new());
        };
        let mut saved = Vec::new();
        for block in &base_blocks.list {
            let Some(id) = block.id.clone().filter(|id| wanted(id)) else { continue };
            let text = &base[block.range.clone()];
            let over = local_blocks.of(&id).map(|block| &local[block.range.clone()]);
            saved.push(as_saved(id, app, base_shown, base_blocks.is_vendor, text, over)?);
        }
        for block in &local_blocks.list {
            let Some(id) = block.id.clone().filter(|id| wanted(id) && base_blocks.of(id).is_none()) else { continue };
            saved.push(as_saved(id, app, local_shown, false, &local[block.range.clone()], None)?);
        }
        Ok(saved)
    }

    /// What is planned for a job.
    ///
    /// # Errors
    /// When several have the id, or the file that may have it cannot be told apart into jobs.
    pub fn find(&mut self, id: &str) -> Result<Option<Saved>, EditError> {
        let mut found = Vec::new();
        let mut broken = None;
        for app in self.files.apps() {
            match self.saved_where(&app, |other| other == id) {
                Ok(saved) => found.extend(saved),
                Err(error) => broken = broken.or(Some(error)),
            }
        }
        match (found.len(), broken) {
            (0, Some(error)) => Err(error),
            (0 | 1, _) => Ok(found.pop()),
            _ => {
                let files = found.into_iter().map(|saved| saved.file).collect();
                Err(EditError::Ambiguous { id: id.to_owned(), files })
            }
        }
    }

    /// A new job of `app`; one that a vendor's file stands in goes into `jobs.local.toml`.
    ///
    /// # Errors
    /// When the app has no name for a folder, or the file cannot be edited.
    pub fn add(&mut self, app: &str, content: &Content) -> Result<(), EditError> {
        ensure_app(app)?;
        let job = content.job()?;
        let base = self.file(app, BASE)?;
        let is_vendor = Blocks::find(&base.text, &base.shown)?.is_vendor;
        let file = self.file(app, if is_vendor { LOCAL } else { BASE })?;
        // Also finds out whether the file can be edited.
        Blocks::find(&file.text, &file.shown)?;
        file.text = append(&file.text, content.text()?.trim_end());
        verify(file, &job)
    }

    /// `content` in place of what is saved. The id may become another one where no vendor's file declares the job.
    ///
    /// # Errors
    /// Like [`Plan::add`].
    pub fn set(&mut self, saved: &Saved, content: &Content) -> Result<(), EditError> {
        let job = content.job()?;
        if is_same(&Json::Object(saved.job.clone()), &Json::Object(job.clone())) && matches!(content, Content::Job(_)) {
            return Ok(());
        }
        if !saved.is_vendor && saved.local.is_none() {
            let name = if saved.file.ends_with(LOCAL) { LOCAL } else { BASE };
            return self.write_block(&saved.app, name, &saved.id, &job, content);
        }
        match difference(&saved.text, &job)? {
            None if saved.local.is_none() => Ok(()),
            None => self.cut_block(&saved.app, LOCAL, &saved.id),
            Some(over) if saved.local.is_some() => {
                let content = Content::Job(over.clone());
                self.write_block(&saved.app, LOCAL, &saved.id, &over, &content)
            }
            Some(over) => {
                let file = self.file(&saved.app, LOCAL)?;
                Blocks::find(&file.text, &file.shown)?;
                file.text = append(&file.text, job_text(&over)?.trim_end());
                verify(file, &over)
            }
        }
    }

    /// Takes a job out of its file, with what lies over it. A vendor's job stays, disabled: the next upgrade would bring
    /// it back.
    ///
    /// # Errors
    /// Like [`Plan::add`].
    pub fn remove(&mut self, saved: &Saved) -> Result<(), EditError> {
        if saved.is_vendor {
            let why =
                format!("job `{}` is a vendor's: the next upgrade would bring it back; disable it instead", saved.id);
            return Err(EditError::Unfit { file: saved.file.clone(), why });
        }
        let name = if saved.file.ends_with(LOCAL) { LOCAL } else { BASE };
        self.cut_block(&saved.app, name, &saved.id)?;
        if saved.local.is_some() { self.cut_block(&saved.app, LOCAL, &saved.id) } else { Ok(()) }
    }

    /// Gives a job another id, and leaves everything else of it.
    ///
    /// # Errors
    /// Like [`Plan::add`]; and for a vendor's job, whose file is not ours to change.
    pub fn rename(&mut self, saved: &Saved, to: &str) -> Result<(), EditError> {
        if saved.is_vendor {
            let why = format!("job `{}` is a vendor's, and keeps its id", saved.id);
            return Err(EditError::Unfit { file: saved.file.clone(), why });
        }
        let is_local = saved.file.ends_with(LOCAL);
        let parts = [(if is_local { LOCAL } else { BASE }, Some(&saved.text)), (LOCAL, saved.local.as_ref())];
        for (name, text) in parts {
            let Some(text) = text else { continue };
            let mut job = job_json(text)?;
            let key = if job.contains_key("id") { "id" } else { "name" };
            job.insert(key.to_owned(), to.into());
            self.write_block(&saved.app, name, &saved.id, &job, &Content::Job(job.clone()))?;
        }
        Ok(())
    }

    fn write_block(
        &mut self,
        app: &str,
        name: &'static str,
        id: &str,
        job: &JsonMap,
        content: &Content,
    ) -> Result<(), EditError> {
        let file = self.file(app, name)?;
        let blocks = Blocks::find(&file.text, &file.shown)?;
        let block = blocks.of(id).ok_or_else(|| EditError::Misread { file: file.shown.clone() })?;
        let old = &file.text[block.range.clone()];
        let new = match content {
            Content::Job(job) => edited(old, job)?,
            Content::Text(text) => text.replace("\r\n", "\n").trim_end().to_owned() + "\n",
        };
        let new = with_breaks_of(old, &new, line_break(&file.text));
        file.text = splice(&file.text, &block.range, &new);
        verify(file, job)
    }

    fn cut_block(&mut self, app: &str, name: &'static str, id: &str) -> Result<(), EditError> {
        let file = self.file(app, name)?;
        let blocks = Blocks::find(&file.text, &file.shown)?;
        let block = blocks.of(id).ok_or_else(|| EditError::Misread { file: file.shown.clone() })?;
        file.text = cut(&file.text, &block.range);
        let left =
            Blocks::find(&file.text, &file.shown).map_err(|_| EditError::Misread { file: file.shown.clone() })?;
        if left.of(id).is_some() || left.list.len() + 1 != blocks.list.len() {
            return Err(EditError::Misread { file: file.shown.clone() });
        }
        Ok(())
    }

    /// The files that become others.
    pub fn changes(self) -> Vec<Change> {
        let changed = self.open.into_values().filter(|file| file.text != file.was);
        changed
            .map(|file| Change { path: file.path, shown: file.shown, before: file.before, after: file.text })
            .collect()
    }

    /// Writes a plan that changes one file at most.
    ///
    /// # Errors
    /// [`EditError::Changed`], [`EditError::Unwritable`]; nothing has changed then.
    pub fn write_one(self) -> Result<(), EditError> {
        let changes = self.changes();
        match changes.as_slice() {
            [] => Ok(()),
            [change] => put(change),
            [_, second, ..] => Err(EditError::Misread { file: second.shown.clone() }),
        }
    }
}

fn ensure_app(app: &str) -> Result<(), EditError> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if app.is_empty() || app.len() > 128 || app.starts_with('_') || !app.chars().all(is_fine) {
        return Err(EditError::App { app: app.to_owned() });
    }
    Ok(())
}

/// Whether the file, read again, says `job`.
fn verify(file: &Opened, job: &JsonMap) -> Result<(), EditError> {
    let misread = || EditError::Misread { file: file.shown.clone() };
    let blocks = Blocks::find(&file.text, &file.shown).map_err(|_| misread())?;
    let id = job.get("id").or_else(|| job.get("name")).and_then(Json::as_str).ok_or_else(misread)?;
    let block = blocks.of(id).ok_or_else(misread)?;
    let said = job_json(&file.text[block.range.clone()]).map_err(|_| misread())?;
    if is_same(&Json::Object(said), &Json::Object(job.clone())) { Ok(()) } else { Err(misread()) }
}

fn as_saved(
    id: String,
    app: &str,
    file: &str,
    is_vendor: bool,
    text: &str,
    over: Option<&str>,
) -> Result<Saved, EditError> {
    let job = match over {
        None => job_json(text)?,
        Some(over) => effective(text, over)?,
    };
    let mut digest = Sha256::new();
    digest.update(text);
    digest.update([0]);
    digest.update(over.unwrap_or_default());
    let etag = hex::encode(&digest.finalize()[..16]);
    let (app, file, text, local) = (app.to_owned(), file.to_owned(), text.to_owned(), over.map(str::to_owned));
    Ok(Saved { id, app, file, is_vendor, text, local, job, etag })
}
