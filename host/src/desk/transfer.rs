//! Many jobs at once: an app's jobs as one document, and snapshots of the whole catalogue. Every job is looked at among
//! all others before any is written; files that belong together are written under a journal.

use std::collections::{BTreeMap, BTreeSet};

use chrono::SecondsFormat;
use host_api::CatalogueSource as _;
use host_api::desk::{AppJobs, DeskError, Finding, ImportOptions, ImportPlan};
use host_catalogue::edit::{
    Content, EditError, Journal, Plan, Saved, edited, is_same, job_json, mask_job, mask_text, unified, unmask,
};
use host_catalogue::{Catalogue, Proposal, Submission};
use host_engine::clock::SystemClock;
use host_model::diagnostic::Severity;
use host_model::port::Clock as _;
use host_model::version::VersionChange;
use host_model::{JobId, Json, JsonMap};
use serde_json::json;

use super::check::{findings_of, id_of, ready};
use super::connector_names::{names_connector, with_names};
use super::{Desk, blocking};

/// What a snapshot says it is.
const FORMAT: &str = "nomaflow-catalogue";
const VERSION: u64 = 1;

/// One job that is to be there afterwards.
struct Wanted {
    id: String,
    app: String,
    content: Content,
    job: JsonMap,
    text: String,
}

/// What has to be done to the files.
#[derive(Default)]
struct Work {
    set: Vec<(Option<Saved>, Wanted)>,
    remove: Vec<Saved>,
}

fn problem(pointer: &str, message: String) -> Finding {
    Finding {
        pointer: pointer.to_owned(),
        line: 0,
        column: 0,
        length: 0,
        severity: Severity::Error,
        code: "snapshot-invalid".to_owned(),
        message,
        found: None,
        allowed: Vec::new(),
        hint: None,
    }
}

impl Desk {
    pub(super) async fn app_jobs(&self, app: Option<&str>) -> Result<AppJobs, DeskError> {
        let apps = self.files.apps();
        let app = match (app, apps.as_slice()) {
            (Some(app), _) => app.to_owned(),
            (None, [only]) => only.clone(),
            (None, _) => {
                let why = format!("there are {} apps; name one with `app`: {}", apps.len(), apps.join(", "));
                return Err(EditError::Content { pointer: String::new(), why }.into());
            }
        };
        if !apps.contains(&app) {
            return Err(EditError::App { app }.into());
        }
        let of = app.clone();
        let saved = self.on_files(move |plan| plan.saved_of(&of)).await?;
        let etags: String = saved.iter().map(|saved| format!("{} {}\n", saved.id, saved.etag)).collect();
        let path = saved.first().map(|saved| saved.file.clone()).unwrap_or_default();
        let jobs = saved.iter().map(|saved| mask_job(&saved.job)).collect();
        Ok(AppJobs { app, path, etag: digest(&etags), jobs })
    }

    pub(super) async fn set_app_jobs(
        &self,
        app: &str,
        jobs: &[JsonMap],
        etag: &str,
        by: &str,
    ) -> Result<AppJobs, DeskError> {
        let turn = self.turn().await?;
        let now = self.app_jobs(Some(app)).await?;
        if now.etag != etag {
            return Err(DeskError::Conflict {
                code: "stale",
                message: format!("the jobs of `{app}` were changed by somebody else meanwhile"),
                hint: Some("read them again, and save what you want to keep of yours".to_owned()),
            });
        }
        let of = app.to_owned();
        let saved = self.on_files(move |plan| plan.saved_of(&of)).await?;
        let mut wanted = Vec::new();
        for job in jobs {
            let current = id_of(job).and_then(|id| saved.iter().find(|saved| saved.id == id));
            let ready = ready(&Content::Job(job.clone()), current.map(|saved| &saved.job))?;
            let id = id_of(&ready.job).unwrap_or_default().to_owned();
            wanted.push(Wanted { id, app: app.to_owned(), content: ready.content, job: ready.job, text: ready.text });
        }
        let mut plan = ImportPlan::default();
        let work = sort_out(wanted, &saved, true, &mut plan);
        self.examine(&work, &mut plan).await?;
        if !plan.invalid.is_empty() {
            return Err(DeskError::InvalidImport(Box::new(plan)));
        }
        self.apply(work, by).await?;
        drop(turn);
        self.app_jobs(Some(app)).await
    }

    pub(super) async fn snapshot(&self) -> Result<Json, DeskError> {
        let all = self.all().await?;
        let mut connectors = BTreeSet::new();
        let mut secrets = BTreeSet::new();
        for saved in &all {
            names_in(&Json::Object(saved.job.clone()), "", &mut connectors, &mut secrets);
        }
        let jobs =
            all.iter().map(|saved| json!({ "app": saved.app, "id": saved.id, "text": mask_text(&saved.whole_text()) }));
        Ok(json!({
            "format": FORMAT,
            "version": VERSION,
            "exported_at": SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "jobs": jobs.collect::<Vec<_>>(),
            "connectors": connectors,
            "secrets": secrets,
        }))
    }

    pub(super) async fn take_over(
        &self,
        snapshot: &Json,
        options: ImportOptions,
        by: &str,
    ) -> Result<ImportPlan, DeskError> {
        if snapshot["format"] != FORMAT || snapshot["version"] != VERSION {
            let message =
                format!("this is no snapshot of the catalogue: `format` must be `{FORMAT}` and `version` {VERSION}");
            return Err(DeskError::NoSnapshot(Box::new(problem("/format", message))));
        }
        let Some(jobs) = snapshot["jobs"].as_array() else {
            let message = "the `jobs` of the snapshot must be a list".to_owned();
            return Err(DeskError::NoSnapshot(Box::new(problem("/jobs", message))));
        };
        let mapping = mapping_of(snapshot)?;
        let _turn = self.turn().await?;
        let saved = self.all().await?;
        let mut plan = ImportPlan::default();
        let mut wanted: Vec<Wanted> = Vec::new();
        for (index, entry) in jobs.iter().enumerate() {
            let id = entry["id"].as_str().unwrap_or_default().to_owned();
            match read_entry(entry, &saved, &mapping, &mut plan.secrets_missing) {
                Ok(job) if wanted.iter().any(|other| other.id == job.id) => {
                    plan.invalid.push((
                        id.clone(),
                        vec![problem(&format!("/jobs/{index}/id"), format!("duplicate job id `{id}`"))],
                    ));
                }
                Ok(job) => wanted.push(job),
                Err(why) => plan.invalid.push((id, vec![problem(&format!("/jobs/{index}"), why)])),
            }
        }
        let work = sort_out(wanted, &saved, options.replace, &mut plan);
        self.examine(&work, &mut plan).await?;
        if options.dry_run {
            return Ok(plan);
        }
        if !plan.invalid.is_empty() {
            return Err(DeskError::InvalidImport(Box::new(plan)));
        }
        self.apply(work, by).await?;
        plan.applied = true;
        Ok(plan)
    }

    /// Looks at all of it together.
    async fn examine(&self, work: &Work, plan: &mut ImportPlan) -> Result<(), DeskError> {
        let name = |wanted: &Wanted| format!("the snapshot's `{}`", wanted.id);
        let submission = |(_, wanted): &(Option<Saved>, Wanted)| Submission {
            name: name(wanted),
            app: wanted.app.clone(),
            text: wanted.text.clone(),
        };
        let gone = work.remove.iter().chain(work.set.iter().filter_map(|(saved, _)| saved.as_ref()));
        let without: BTreeSet<String> = gone.map(|saved| saved.id.clone()).collect();
        let proposal = Proposal { submissions: work.set.iter().map(submission).collect(), without, connectors: None };
        let found = self.propose(proposal).await?;
        let mut named = BTreeSet::new();
        for (_, wanted) in &work.set {
            let looked = findings_of(&found, &name(wanted), &wanted.text);
            if !looked.is_valid {
                plan.invalid.push((wanted.id.clone(), looked.findings));
            }
            names_in(&Json::Object(wanted.job.clone()), "", &mut named, &mut BTreeSet::new());
            if let Some(job) = found.jobs.get(wanted.id.as_str())
                && let Some(at) = job
                    .schedules
                    .iter()
                    .filter(|s| s.enabled && job.enabled)
                    .filter_map(|s| s.spec.upcoming(SystemClock.now()).next())
                    .min()
            {
                plan.next.push((wanted.id.clone(), at));
            }
        }
        let is_there = |name: &&String| knows_connector(&found, name);
        plan.connectors_missing = named.iter().filter(|name| !is_there(name)).cloned().collect();
        self.find_broken(work, &found, plan);
        Ok(())
    }

    /// Jobs that stay and would not be valid any more.
    fn find_broken(&self, work: &Work, found: &Catalogue, plan: &mut ImportPlan) {
        let before = self.keeper.current();
        let is_ours = |id: &str| work.set.iter().any(|(_, wanted)| wanted.id == id);
        for broken in found.invalid.iter().filter(|broken| !is_ours(&broken.id)) {
            if before.jobs.contains_key(broken.id.as_str()) {
                let why = broken.diagnostics.iter().map(|found| problem("", found.message.clone())).collect();
                plan.invalid.push((broken.id.clone(), why));
            }
        }
    }

    async fn apply(&self, work: Work, by: &str) -> Result<(), DeskError> {
        for saved in work.remove.iter().chain(work.set.iter().filter_map(|(saved, _)| saved.as_ref())) {
            self.keep_what_was(saved).await?;
        }
        let ids: Vec<String> = work.set.iter().map(|(_, wanted)| wanted.id.clone()).collect();
        let removed = work.remove.clone();
        let (files, data) = (self.files.clone(), self.data.clone());
        blocking(move || {
            let mut plan = Plan::new(&files);
            for saved in &work.remove {
                plan.remove(saved)?;
            }
            for (saved, wanted) in &work.set {
                match saved {
                    Some(saved) if saved.app == wanted.app => plan.set(saved, &wanted.content)?,
                    Some(saved) => {
                        plan.remove(saved)?;
                        plan.add(&wanted.app, &wanted.content)?;
                    }
                    None => plan.add(&wanted.app, &wanted.content)?,
                }
            }
            let changes = plan.changes();
            if changes.is_empty() { Ok(()) } else { Journal::begin(&data, &changes, None)?.finish() }
        })
        .await??;
        let mut versions = Vec::new();
        for saved in self.all().await?.iter().filter(|saved| ids.contains(&saved.id)) {
            versions.extend(super::new_version(saved, by, VersionChange::Import));
        }
        versions.extend(removed.iter().filter_map(|saved| super::new_version(saved, by, VersionChange::Delete)));
        self.versions.add_versions(&versions).await?;
        self.reload().await;
        Ok(())
    }
}

fn digest(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(&Sha256::digest(text)[..16])
}

/// Sorts jobs into new, changed and same, and those of `saved` that go.
fn sort_out(wanted: Vec<Wanted>, saved: &[Saved], replace: bool, plan: &mut ImportPlan) -> Work {
    let by_id: BTreeMap<&str, &Saved> = saved.iter().map(|saved| (saved.id.as_str(), saved)).collect();
    let ids: BTreeSet<String> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    let mut work = Work::default();
    for wanted in wanted {
        match by_id.get(wanted.id.as_str()) {
            None => {
                plan.new.push(wanted.id.clone());
                work.set.push((None, wanted));
            }
            Some(found)
                if found.app == wanted.app
                    && is_same(&Json::Object(found.job.clone()), &Json::Object(wanted.job.clone())) =>
            {
                plan.same.push(wanted.id);
            }
            Some(found) => {
                let (old, new) = (mask_text(&found.whole_text()), mask_text(&wanted.text));
                plan.changed.push((wanted.id.clone(), unified(&old, &new, "now", "imported")));
                work.set.push((Some((*found).clone()), wanted));
            }
        }
    }
    if replace {
        // A vendor's job cannot go: the next upgrade would bring it back.
        for found in saved.iter().filter(|found| !ids.contains(&found.id) && !found.is_vendor) {
            plan.removed.push(found.id.clone());
            work.remove.push(found.clone());
        }
    }
    work
}

/// `connector_mapping`: what connectors of the snapshot are called here.
fn mapping_of(snapshot: &Json) -> Result<BTreeMap<String, String>, DeskError> {
    let wrong = || {
        let message = "`connector_mapping` must be an object of names: what they are called here".to_owned();
        DeskError::NoSnapshot(Box::new(problem("/connector_mapping", message)))
    };
    match &snapshot["connector_mapping"] {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(map) => {
            let pairs = map.iter().map(|(old, new)| Some((old.clone(), new.as_str()?.to_owned())));
            pairs.collect::<Option<_>>().ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}

/// One job of a snapshot. A secret that was left out is the one that is saved here, or one to be set by name.
fn read_entry(
    entry: &Json,
    saved: &[Saved],
    mapping: &BTreeMap<String, String>,
    secrets: &mut Vec<String>,
) -> Result<Wanted, String> {
    let text = |key: &str| {
        entry[key].as_str().map(str::to_owned).ok_or_else(|| format!("a job of the snapshot has no `{key}`"))
    };
    let (id, app, mut text) = (text("id")?, text("app")?, text("text")?);
    let mut job = job_json(&text).map_err(|error| error.to_string())?;
    if id_of(&job) != Some(id.as_str()) {
        return Err(format!("the text of job `{id}` has another id"));
    }
    JobId::new(&id).map_err(|error| error.to_string())?;
    let submitted = job.clone();
    let current = saved.iter().find(|saved| saved.id == id).map(|saved| &saved.job);
    for pointer in unmask(&mut job, current) {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name: String = format!("{id}{pointer}").chars().map(|c| if is_word(c) { c } else { '_' }).collect();
        let mut whole = Json::Object(std::mem::take(&mut job));
        if let Some(value) = whole.pointer_mut(&pointer) {
            let kept =
                value.as_str().unwrap_or_default().replace(host_catalogue::edit::MARK, &format!("${{secret.{name}}}"));
            *value = kept.into();
        }
        if let Json::Object(back) = whole {
            job = back;
        }
        secrets.push(name);
    }
    if !mapping.is_empty() {
        job = with_names(&job, &|name| mapping.get(name).cloned());
    }
    if job != submitted {
        text = edited(&text, &job).map_err(|error| error.to_string())?;
    }
    Ok(Wanted { id, app, content: Content::Text(text.clone()), job, text })
}

fn knows_connector(catalogue: &Catalogue, name: &str) -> bool {
    let set = &catalogue.connectors;
    set.connectors.keys().chain(set.directories.keys()).any(|known| known.as_str() == name)
}

/// Connectors and secrets that a job names.
fn names_in(value: &Json, key: &str, connectors: &mut BTreeSet<String>, secrets: &mut BTreeSet<String>) {
    match value {
        Json::String(text) => {
            if names_connector(key) && !text.contains("${") && text != "unused" {
                connectors.insert(text.clone());
            }
            for part in text.split("${secret.").skip(1) {
                secrets.extend(part.split_once('}').map(|(name, _)| name.to_owned()));
            }
        }
        Json::Array(items) => items.iter().for_each(|item| names_in(item, key, connectors, secrets)),
        Json::Object(table) => table.iter().for_each(|(key, value)| names_in(value, key, connectors, secrets)),
        _ => {}
    }
}
