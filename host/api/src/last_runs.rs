//! What the list of jobs says about runs, kept as it is sent: reading and rendering thousands of rows takes longer than all
//! the rest of the list.
//!
//! Invariants: which runs are shown is asked of the store with every request, because other processes fire, end, prune and
//! rename as well; what was rendered is used only under the very ids it was rendered for, and only of runs that were over
//! when they were read, because those do not change any more. What is kept is bounded by the jobs of the catalogue.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_model::history::{RunTime, ShownRuns};
use host_model::{JobId, Run, RunStatus};

use crate::App;
use crate::error::ApiError;
use crate::view::job::{LastRun, RecentRun};
use crate::view::part::Part;

/// What is shown of the runs of a job.
pub(crate) struct Shown {
    pub(crate) last: Option<LastRun>,
    /// Oldest first.
    pub(crate) recent: Part<Vec<RecentRun>>,
}

/// The same of runs that are over.
#[derive(Default)]
struct Kept {
    last: Option<LastRun>,
    /// Under the ids of the runs, as the store names them.
    recent: Option<(String, Part<Vec<RecentRun>>)>,
}

impl Kept {
    /// What is shown of a job whose runs have these ids, if that is known.
    fn shown(&self, ids: &str, per_job: u32) -> Option<Shown> {
        let last = self.last.clone().filter(|last| ids.split(' ').next() == Some(last.id.as_str()))?;
        let recent = match &self.recent {
            _ if per_job == 0 => Part::default(),
            Some((of, recent)) if of == ids => recent.clone(),
            _ => return None,
        };
        Some(Shown { last: Some(last), recent })
    }
}

/// What was read of the runs of a job.
#[derive(Default)]
struct Found {
    last: Option<Run>,
    /// Newest first.
    recent: Vec<RunTime>,
}

impl Found {
    /// The ids of its runs, as the store names them; `None` when it would name others.
    fn ids(&self) -> Option<String> {
        if self.recent.is_empty() {
            return self.last.as_ref().filter(|run| run.status == RunStatus::Skipped).map(|run| run.id.to_string());
        }
        let recent: Vec<String> = self.recent.iter().map(|time| time.id.to_string()).collect();
        Some(recent.join(" "))
    }

    /// What is shown, and what of it may be kept.
    fn render(self) -> Result<(Shown, Kept), ApiError> {
        let ids = self.ids();
        let is_over = self.last.as_ref().is_some_and(|run| run.status.is_final());
        let are_over = self.recent.iter().all(|time| time.status.is_final());
        let last = self.last.as_ref().map(|run| LastRun::from(run).rendered()).transpose()?;
        let recent = Part::Value(self.recent.iter().rev().map(RecentRun::from).collect::<Vec<_>>()).rendered()?;
        let kept = Kept {
            last: last.clone().filter(|_| is_over),
            recent: ids.filter(|_| are_over).map(|ids| (ids, recent.clone())),
        };
        Ok((Shown { last, recent }, kept))
    }
}

/// See the module's note.
#[derive(Clone, Default)]
pub(crate) struct LastRuns(Arc<Mutex<HashMap<JobId, Kept>>>);

impl LastRuns {
    /// What is shown of those of `jobs` that ever ran, with up to `per_job` recent runs of each.
    pub(crate) async fn of<'j>(
        &self,
        app: &App,
        jobs: &HashSet<&'j str>,
        per_job: u32,
    ) -> Result<HashMap<&'j str, Shown>, ApiError> {
        // Named one by one the store need not look for those that ran. What cannot be a job's id never ran.
        let asked: Vec<JobId> = jobs.iter().filter_map(|id| JobId::new(id).ok()).collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let named = app.history.shown_runs(&asked, per_job.max(1)).await?;
        let (mut shown, unknown) = self.known(&named, jobs, per_job);
        if unknown.is_empty() {
            return Ok(shown);
        }
        let most = 2 * (app.engine.jobs().len() + app.catalogue.current().invalid.len());
        for (job, found) in read(app, &unknown, per_job).await? {
            let (now, kept) = found.render()?;
            self.keep(&job, kept, per_job, most);
            if let Some(job) = jobs.get(job.as_str()) {
                shown.insert(*job, now);
            }
        }
        Ok(shown)
    }

    /// What is known of `jobs`, and those of them that have to be read.
    fn known<'j>(
        &self,
        named: &ShownRuns,
        jobs: &HashSet<&'j str>,
        per_job: u32,
    ) -> (HashMap<&'j str, Shown>, Vec<JobId>) {
        let kept = self.lock();
        let (mut shown, mut unknown) = (HashMap::with_capacity(jobs.len()), Vec::new());
        for (job, ids) in named.jobs() {
            let Some(job) = jobs.get(job) else { continue };
            match kept.get(*job).and_then(|kept| kept.shown(ids, per_job)) {
                Some(known) => drop(shown.insert(*job, known)),
                None => unknown.extend(JobId::new(job)),
            }
        }
        (shown, unknown)
    }

    fn keep(&self, job: &JobId, new: Kept, per_job: u32, most: usize) {
        let mut all = self.lock();
        // Jobs that are gone do not pile up.
        if all.len() >= most {
            all.clear();
        }
        let kept = all.entry(job.clone()).or_default();
        kept.last = new.last;
        if per_job > 0 {
            kept.recent = new.recent;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(app: &App, jobs: &[JobId], per_job: u32) -> Result<BTreeMap<JobId, Found>, ApiError> {
    let mut found: BTreeMap<JobId, Found> = BTreeMap::new();
    for run in app.engine.store().list_latest_runs(jobs).await? {
        let job = run.job_id.clone();
        found.entry(job).or_default().last = Some(run);
    }
    if per_job > 0 {
        for time in app.history.recent_runs(jobs, per_job).await? {
            found.entry(time.job_id.clone()).or_default().recent.push(time);
        }
    }
    Ok(found)
}
