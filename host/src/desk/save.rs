//! Changes of one job: saved whole, switched, taken out.

use host_api::desk::{DeskError, Finding, JobPatch, SaveDone};
use host_catalogue::edit::{Content, Saved};
use host_model::version::VersionChange;
use host_model::{Json, JsonMap};

use super::check::id_of;
use super::{Desk, source_of};

fn warnings(found: Vec<Finding>) -> Vec<Finding> {
    found.into_iter().filter(|found| found.severity != host_model::diagnostic::Severity::Error).collect()
}

fn wrong(pointer: &str, message: String, hint: &str) -> DeskError {
    DeskError::Invalid(vec![Finding {
        pointer: pointer.to_owned(),
        line: 0,
        column: 0,
        length: 0,
        severity: host_model::diagnostic::Severity::Error,
        code: "conflict".to_owned(),
        message,
        found: None,
        allowed: Vec::new(),
        hint: Some(hint.to_owned()),
    }])
}

/// Ids of jobs that name job `id`, in `depends_on` or in a `call_job` step.
pub(super) fn users_of(all: &[Saved], id: &str) -> Vec<String> {
    let names = |saved: &&Saved| saved.id != id && mentions(&saved.job, id);
    all.iter().filter(names).map(|saved| saved.id.clone()).collect()
}

fn mentions(job: &JsonMap, id: &str) -> bool {
    let waits = job.get("depends_on").and_then(Json::as_array).is_some_and(|list| list.iter().any(|name| name == id));
    let steps = job.get("steps").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let calls = |step: &Json| step["type"] == "call_job" && (step["job"] == id || step["target_job_id"] == id);
    waits || steps.iter().any(calls)
}

impl Desk {
    /// Refuses what was made from something else than what is saved.
    pub(super) async fn ensure_fresh(&self, saved: &Saved, etag: Option<&str>) -> Result<(), DeskError> {
        if etag.is_none_or(|etag| etag == saved.etag) {
            return Ok(());
        }
        let newest = self.versions.list_versions(&saved.id).await?.into_iter().next().map(|found| found.version);
        // A change by hand that nobody has noticed yet has no author.
        let newest = newest.filter(|version| version.etag == saved.etag);
        let (by, at) = newest.map(|version| (version.by, version.at)).unzip();
        Err(DeskError::Stale { current: Box::new(source_of(saved)), by, at })
    }

    /// Keeps what is saved before it changes, if no version says it: somebody changed the file by hand.
    pub(super) async fn keep_what_was(&self, saved: &Saved) -> Result<(), DeskError> {
        self.keep(saved, "file", VersionChange::File).await.map(drop)
    }

    pub(super) async fn finish(
        &self,
        id: &str,
        by: &str,
        change: VersionChange,
        found: Vec<Finding>,
    ) -> Result<SaveDone, DeskError> {
        let saved = self.need(id).await?;
        let version = self.keep(&saved, by, change).await?;
        self.reload().await;
        let warnings = warnings(found);
        Ok(SaveDone { id: saved.id, etag: saved.etag, version, path: saved.file, warnings })
    }

    pub(super) async fn add(
        &self,
        app: &str,
        content: &Content,
        by: &str,
        change: VersionChange,
    ) -> Result<SaveDone, DeskError> {
        let _turn = self.turn().await?;
        let ready = self.prepare(app, content, None, None).await?;
        if let Some(id) = id_of(&ready.job)
            && let Some(found) = self.find(id).await?
        {
            return Err(DeskError::Exists { id: id.to_owned(), path: found.file });
        }
        let (looked, _) = self.look(app, &ready.text, None).await?;
        let Some(id) = id_of(&ready.job).filter(|_| looked.is_valid).map(str::to_owned) else {
            return Err(DeskError::Invalid(looked.findings));
        };
        let (app, content) = (app.to_owned(), ready.content);
        let write = move |files: &host_catalogue::edit::JobFiles| {
            let mut plan = host_catalogue::edit::Plan::new(files);
            plan.add(&app, &content)?;
            plan.write_one()
        };
        self.write(write).await?;
        self.finish(&id, by, change, looked.findings).await
    }

    /// Writes a plan, off the threads of the runtime.
    pub(super) async fn write(
        &self,
        work: impl FnOnce(&host_catalogue::edit::JobFiles) -> Result<(), host_catalogue::edit::EditError> + Send + 'static,
    ) -> Result<(), DeskError> {
        let files = self.files.clone();
        Ok(super::blocking(move || work(&files)).await??)
    }

    pub(super) async fn set(
        &self,
        id: &str,
        etag: Option<&str>,
        content: &Content,
        by: &str,
        change: VersionChange,
    ) -> Result<SaveDone, DeskError> {
        let _turn = self.turn().await?;
        let saved = self.need(id).await?;
        self.ensure_fresh(&saved, etag).await?;
        let ready = self.prepare(&saved.app, content, Some(&saved.job), Some(id)).await?;
        if let Some(other) = id_of(&ready.job).filter(|other| *other != id) {
            let message = format!("the id of job `{id}` cannot become `{other}` by saving it");
            return Err(wrong("/id", message, "rename the job; its history follows then"));
        }
        let (looked, _) = self.look(&saved.app, &ready.text, Some(id)).await?;
        if !looked.is_valid {
            return Err(DeskError::Invalid(looked.findings));
        }
        self.keep_what_was(&saved).await?;
        self.put(saved, ready.content).await?;
        self.finish(id, by, change, looked.findings).await
    }

    async fn put(&self, saved: Saved, content: Content) -> Result<(), DeskError> {
        let write = move |files: &host_catalogue::edit::JobFiles| {
            let mut plan = host_catalogue::edit::Plan::new(files);
            plan.set(&saved, &content)?;
            plan.write_one()
        };
        self.write(write).await
    }

    /// A job that is invalid can be switched off all the same; nothing set here makes one invalid.
    pub(super) async fn set_switches(
        &self,
        id: &str,
        patch: &JobPatch,
        etag: Option<&str>,
        by: &str,
    ) -> Result<SaveDone, DeskError> {
        let _turn = self.turn().await?;
        let saved = self.need(id).await?;
        self.ensure_fresh(&saved, etag).await?;
        let mut job = saved.job.clone();
        if let Some(enabled) = patch.enabled {
            switch(&mut job, enabled);
        }
        if let Some(tags) = &patch.tags {
            set_or_leave_out(&mut job, "tags", tags.clone().into(), tags.is_empty());
        }
        if let Some(description) = &patch.description {
            set_or_leave_out(&mut job, "description", description.as_str().into(), description.is_empty());
        }
        for (name, enabled) in &patch.schedules {
            let list = job.get_mut("schedules").and_then(Json::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default();
            let found = list.iter_mut().find(|schedule| schedule["name"] == name.as_str());
            match found.and_then(Json::as_object_mut) {
                Some(schedule) => switch(schedule, *enabled),
                None => {
                    let message = format!("job `{id}` has no schedule `{name}` that can be switched alone");
                    return Err(wrong(
                        "/schedules",
                        message,
                        "the job's own `schedule` goes with the job: set `enabled`",
                    ));
                }
            }
        }
        self.keep_what_was(&saved).await?;
        self.put(saved, Content::Job(job)).await?;
        self.finish(id, by, VersionChange::Enable, Vec::new()).await
    }

    pub(super) async fn take_out(&self, id: &str, etag: Option<&str>, by: &str) -> Result<(), DeskError> {
        let _turn = self.turn().await?;
        let saved = self.need(id).await?;
        self.ensure_fresh(&saved, etag).await?;
        let users = users_of(&self.all().await?, id);
        if !users.is_empty() {
            return Err(DeskError::Conflict {
                code: "job-in-use",
                message: format!("job `{id}` is named by {}", users.join(", ")),
                hint: Some("take it out of their `depends_on` and `call_job` steps first, or disable it".to_owned()),
            });
        }
        self.keep_what_was(&saved).await?;
        let gone = saved.clone();
        let write = move |files: &host_catalogue::edit::JobFiles| {
            let mut plan = host_catalogue::edit::Plan::new(files);
            plan.remove(&gone)?;
            plan.write_one()
        };
        self.write(write).await?;
        self.keep(&saved, by, VersionChange::Delete).await?;
        self.reload().await;
        Ok(())
    }
}

/// `enabled`, where it says something: true is what happens without the key.
fn switch(table: &mut JsonMap, enabled: bool) {
    if !enabled || table.contains_key("enabled") {
        table.insert("enabled".to_owned(), enabled.into());
    }
}

fn set_or_leave_out(job: &mut JsonMap, key: &str, value: Json, is_nothing: bool) {
    if !is_nothing || job.contains_key(key) {
        job.insert(key.to_owned(), value);
    }
}
