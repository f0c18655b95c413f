//! A job that goes on under another id. What happens in which order, and what is left of it when the process is killed:
//!
//! 1. every file is staged: nothing has changed;
//! 2. the journal is written: from here on the rename will happen, the next start finishes it;
//! 3. the store moves runs, slots, schedules and versions in one transaction, unless a run is active: then the journal is
//!    removed and nothing has changed;
//! 4. the files are put in place, 5. the journal is removed, 6. the catalogue is read again, 7. what fired under the old
//!    id between 3 and 6 is moved too.

use host_api::desk::{DeskError, SaveDone};
use host_catalogue::edit::{Content, Journal, JournalRename, Plan, Saved};
use host_model::version::{Renamed, VersionChange};
use host_model::{JobId, Json, JsonMap};

use super::save::users_of;
use super::{Desk, blocking};

fn conflict(code: &'static str, message: String, hint: &str) -> DeskError {
    DeskError::Conflict { code, message, hint: Some(hint.to_owned()) }
}

/// `job` with the other id wherever it names the job.
fn naming(job: &JsonMap, from: &str, to: &str) -> JsonMap {
    let mut job = job.clone();
    let swap = |value: &mut Json| {
        if *value == from {
            *value = to.into();
        }
    };
    job.get_mut("depends_on").and_then(Json::as_array_mut).into_iter().flatten().for_each(swap);
    for step in job.get_mut("steps").and_then(Json::as_array_mut).into_iter().flatten() {
        if step["type"] != "call_job" {
            continue;
        }
        for key in ["job", "target_job_id"] {
            step.as_object_mut().and_then(|step| step.get_mut(key)).into_iter().for_each(swap);
        }
    }
    job
}

impl Desk {
    pub(super) async fn give_id(&self, id: &str, to: &str, by: &str) -> Result<SaveDone, DeskError> {
        let (from, new) = (JobId::new(id), JobId::new(to));
        let from = from.map_err(|_| DeskError::NoJob(id.to_owned()))?;
        let new =
            new.ok().filter(|new| !new.as_str().starts_with(host_model::job::INTERNAL_PREFIX)).ok_or_else(|| {
                let why = JobId::new(to)
                    .err()
                    .map_or_else(|| format!("job id `{to}` is reserved"), |error| error.to_string());
                DeskError::Edit(host_catalogue::edit::EditError::Content { pointer: "/id".to_owned(), why })
            })?;
        let _turn = self.turn().await?;
        let saved = self.need(id).await?;
        if let Some(found) = self.find(to).await? {
            return Err(DeskError::Exists { id: to.to_owned(), path: found.file });
        }
        let all = self.all().await?;
        let users: Vec<Saved> = users_of(&all, id)
            .into_iter()
            .filter_map(|user| all.iter().find(|saved| saved.id == user).cloned())
            .collect();
        self.keep_what_was(&saved).await?;
        for user in &users {
            self.keep_what_was(user).await?;
        }
        let (files, data) = (self.files.clone(), self.data.clone());
        let pair = JournalRename { from: id.to_owned(), to: to.to_owned() };
        let (renamed, others) = (saved.clone(), users.clone());
        let journal = blocking(move || {
            let mut plan = Plan::new(&files);
            plan.rename(&renamed, &pair.to)?;
            for user in &others {
                plan.set(user, &Content::Job(naming(&user.job, &pair.from, &pair.to)))?;
            }
            Journal::begin(&data, &plan.changes(), Some(pair))
        })
        .await??;
        let moved = self.versions.rename_job(&from, &new, false).await;
        match moved {
            Ok(Renamed::Done) => blocking(move || journal.finish()).await??,
            other => {
                blocking(move || journal.give_up()).await??;
                return Err(match other {
                    Ok(Renamed::Taken) => conflict(
                        "history-exists",
                        format!("there is history of an earlier job `{to}`"),
                        "choose an id that was never used",
                    ),
                    Ok(_) => conflict(
                        "job-active",
                        format!("a run of job `{id}` waits or runs"),
                        "rename it when the run is over, or cancel the run",
                    ),
                    Err(error) => error.into(),
                });
            }
        }
        for user in &users {
            let now = self.need(&user.id).await?;
            self.keep(&now, by, VersionChange::Edit).await?;
        }
        let done = self.finish(to, by, VersionChange::Rename, Vec::new()).await?;
        // What a schedule fired under the old id meanwhile.
        self.versions.rename_job(&from, &new, true).await?;
        Ok(done)
    }
}
