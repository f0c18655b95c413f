//! Who names a connector, and another name for it everywhere at once: jobs, files of grants, limits. Either all files say
//! the new name or none does: they are staged, written down in the journal, and put in place.
//!
//! A name that a template makes up at run time (`${params.source}`) is not found; `check` does not find it either.

use std::path::{Path, PathBuf};

use host_api::connector_desk::{ConnectorError, Reference};
use host_catalogue::edit::connectors::{Section, renamed_in_grants, renamed_in_limits};
use host_catalogue::edit::{Change, Content, EditError, Plan, Saved};
use host_catalogue::{Proposal, Submission};
use host_model::version::VersionChange;
use host_model::{ConnectorName, Json, JsonMap};

use super::blocking;
use super::connector_findings::mistake;
use super::connectors::{Connectors, place};

/// A file beside those of jobs that may name a connector.
struct Other {
    kind: &'static str,
    name: String,
    shown: String,
    path: PathBuf,
    text: String,
}

impl Other {
    fn renamed(&self, from: &str, to: &str) -> Result<Option<String>, EditError> {
        match self.kind {
            "limit" => renamed_in_limits(&self.text, from, to),
            _ => renamed_in_grants(&self.text, &self.shown, from, to),
        }
    }
}

/// The places of a job that name the connector.
fn places_in(value: &Json, key: &str, at: &str, name: &str, found: &mut Vec<String>) {
    match value {
        Json::String(text) if names_connector(key) && text == name => found.push(at.to_owned()),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places_in(item, key, &format!("{at}/{index}"), name, found);
            }
        }
        Json::Object(inner) => {
            for (key, item) in inner {
                let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                places_in(item, key, &below, name, found);
            }
        }
        _ => {}
    }
}

/// Whether a key of a job holds names of connectors.
pub(super) fn names_connector(key: &str) -> bool {
    key == "connector" || key.ends_with("_connector")
}

/// `job` with other names for connectors.
pub(super) fn with_names(job: &JsonMap, new: &dyn Fn(&str) -> Option<String>) -> JsonMap {
    fn swap(value: &mut Json, key: &str, new: &dyn Fn(&str) -> Option<String>) {
        match value {
            Json::String(text) if names_connector(key) => {
                if let Some(name) = new(text) {
                    *text = name;
                }
            }
            Json::Array(items) => items.iter_mut().for_each(|item| swap(item, key, new)),
            Json::Object(inner) => inner.iter_mut().for_each(|(key, item)| swap(item, key, new)),
            _ => {}
        }
    }
    let mut whole = Json::Object(job.clone());
    swap(&mut whole, "", new);
    match whole {
        Json::Object(job) => job,
        _ => job.clone(),
    }
}

fn job_reference(saved: &Saved, name: &str) -> Option<Reference> {
    let mut places = Vec::new();
    places_in(&Json::Object(saved.job.clone()), "", "", name, &mut places);
    let (id, file) = (saved.id.clone(), saved.file.clone());
    (!places.is_empty()).then_some(Reference { kind: "job", name: id, file, places })
}

/// Files of grants, which stand beside components, and `app.toml` with its limits.
fn others(home: &Path, plugins: &Path) -> Vec<Other> {
    let mut found = Vec::new();
    let read = |path: PathBuf| std::fs::read_to_string(&path).ok().map(|text| (path, text));
    let list = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    for folder in list(plugins).filter(|path| path.is_dir()) {
        let app = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for file in list(&folder).filter(|path| path.extension().is_some_and(|kind| kind == "wasm")) {
            let Some((path, text)) = read(file.with_extension("toml")) else { continue };
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            let shown = format!("plugins/{app}/{stem}.toml");
            found.push(Other { kind: "plugin", name: format!("{app}/{stem}"), shown, path, text });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some((path, text)) = read(home.join("app.toml")) {
        let (name, shown) = ("limits.connectors".to_owned(), "app.toml".to_owned());
        found.push(Other { kind: "limit", name, shown, path, text });
    }
    found
}

impl Connectors {
    async fn others(&self) -> Result<Vec<Other>, ConnectorError> {
        let reader = self.desk.keeper.reader();
        let (home, plugins) = (reader.home.clone(), reader.plugins.clone());
        Ok(blocking(move || others(&home, &plugins)).await?)
    }

    /// Everybody who names a connector. Files that cannot be read name nobody here; `check` tells of them.
    pub(super) async fn references(&self, name: &str) -> Result<Vec<Reference>, ConnectorError> {
        let files = self.desk.files.clone();
        let (jobs, _) = blocking(move || files.all()).await?;
        let mut found: Vec<Reference> = jobs.iter().filter_map(|saved| job_reference(saved, name)).collect();
        for other in self.others().await? {
            // Nobody else has such a name.
            if let Ok(Some(_)) = other.renamed(name, "\u{1}") {
                let at = if other.kind == "limit" { "/limits/connectors" } else { "/grants/connectors" };
                let places = vec![format!("{at}/{name}")];
                found.push(Reference { kind: other.kind, name: other.name, file: other.shown, places });
            }
        }
        Ok(found)
    }

    pub(super) async fn give_name(
        &self,
        from: &str,
        to: &str,
        dry_run: bool,
        by: &str,
    ) -> Result<Vec<Reference>, ConnectorError> {
        if let Err(error) = ConnectorName::new(to) {
            return Err(mistake("/to", "connector-name-invalid", error.to_string(), None));
        }
        let _turn = self.turn().await?;
        let file = self.read().await?;
        let mut text = file.text.clone();
        if text.find(Section::Connectors, from).is_none() {
            return Err(ConnectorError::NotFound { what: "connector", name: from.to_owned() });
        }
        if text.find(Section::Connectors, to).is_some() {
            return Err(ConnectorError::Exists { what: "connector", name: to.to_owned() });
        }
        let found = self.references(from).await?;
        if dry_run {
            return Ok(found);
        }
        let moved = rename_with_pool(&mut text, from, to)?;
        // A file that cannot be read may name it too: then nothing is renamed.
        let jobs = self.desk.all().await?;
        let users: Vec<Saved> = jobs.into_iter().filter(|saved| job_reference(saved, from).is_some()).collect();
        let new = |name: &str| (name == from).then(|| to.to_owned());
        let renamed: Vec<(Saved, JsonMap)> =
            users.iter().map(|saved| (saved.clone(), with_names(&saved.job, &new))).collect();
        self.examine_rename(text.text(), &renamed).await?;
        for user in &users {
            self.desk.keep_what_was(user).await?;
        }
        let mut changes = vec![file.change(&text)];
        for other in self.others().await? {
            if let Some(after) = other.renamed(from, to)? {
                let before = Some(other.text.into_bytes());
                changes.push(Change { path: other.path, shown: other.shown, before, after });
            }
        }
        let files = self.desk.files.clone();
        let of_jobs = blocking(move || {
            let mut plan = Plan::new(&files);
            for (saved, job) in renamed {
                plan.set(&saved, &Content::Job(job))?;
            }
            Ok::<_, EditError>(plan.changes())
        });
        changes.extend(of_jobs.await??);
        self.write(changes).await?;
        for (old, new) in moved {
            self.changes.move_secret_change(&old, &new).await?;
        }
        for user in &users {
            let now = self.desk.need(&user.id).await?;
            self.desk.keep(&now, by, VersionChange::Edit).await?;
        }
        Ok(found)
    }

    /// Refuses a rename after which a job that is valid now would not be.
    async fn examine_rename(&self, connectors: &str, jobs: &[(Saved, JsonMap)]) -> Result<(), ConnectorError> {
        use host_api::CatalogueSource as _;
        let mut submissions = Vec::new();
        for (saved, job) in jobs {
            let text = host_catalogue::edit::edited(&saved.whole_text(), job)?;
            submissions.push(Submission { name: format!("job `{}`", saved.id), app: saved.app.clone(), text });
        }
        let without = jobs.iter().map(|(saved, _)| saved.id.clone()).collect();
        let proposal = Proposal { submissions, without, connectors: Some(connectors.to_owned()) };
        let found = self.desk.propose(proposal).await?;
        let before = self.desk.keeper.current();
        match found.invalid.iter().find(|broken| before.jobs.contains_key(broken.id.as_str())) {
            None => Ok(()),
            Some(broken) => {
                let why = broken.diagnostics.first().map(|found| found.message.clone()).unwrap_or_default();
                let message = format!("job `{}` would not be valid any more: {why}", broken.id);
                Err(mistake("", "job-breaks", message, None))
            }
        }
    }
}

/// The connector under its new name. A pool that has its name by default goes with it, unless somebody else uses it. The
/// places of passwords that moved come back, from and to.
fn rename_with_pool(
    text: &mut host_catalogue::edit::connectors::ConnectorsText,
    from: &str,
    to: &str,
) -> Result<Vec<(String, String)>, EditError> {
    let mut table = text.find(Section::Connectors, from).cloned().unwrap_or_default();
    let is_by_default = !table.contains_key("pool") && text.pool_of(from).is_some();
    let is_alone = text.users_of_pool(from).len() == 1 && text.find(Section::Pools, to).is_none();
    text.rename(Section::Connectors, from, to)?;
    let moved = |section| (place(section, from), place(section, to));
    if !is_by_default {
        return Ok(vec![moved(Section::Connectors)]);
    }
    if is_alone {
        text.rename(Section::Pools, from, to)?;
        return Ok(vec![moved(Section::Pools)]);
    }
    table.insert("pool".to_owned(), from.into());
    text.set(Section::Connectors, to, &table)?;
    Ok(Vec::new())
}
