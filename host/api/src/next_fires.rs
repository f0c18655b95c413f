//! When each job fires next, remembered until then: a list of thousands of jobs asks for all of them each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use host_engine::Engine;
use host_model::{Instant, Job, JobId};

/// With the job as it was: a reload brings another one.
type Found = (Arc<Job>, Option<Instant>);

/// What was found.
#[derive(Clone, Default)]
pub(crate) struct NextFires(Arc<Mutex<HashMap<JobId, Found>>>);

impl NextFires {
    /// The next fire of each of `jobs`, in their order.
    pub(crate) fn of(&self, engine: &Engine, jobs: &[Arc<Job>]) -> Vec<Option<Instant>> {
        let now = engine.now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Jobs that are gone do not pile up.
        if known.len() > 2 * jobs.len() {
            known.clear();
        }
        let find = |job: &Arc<Job>| match known.get(&job.id) {
            Some((was, at)) if Arc::ptr_eq(was, job) && at.is_none_or(|at| at > now) => *at,
            _ => {
                let at = engine.next_fire(job);
                known.insert(job.id.clone(), (job.clone(), at));
                at
            }
        };
        jobs.iter().map(find).collect()
    }
}
