//! When each job fires next, remembered until then: a list of thousands of jobs asks for all of them each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use host_engine::Engine;
use host_model::hold::Holds;
use host_model::{Instant, Job, JobId};

/// With the job as it was: a reload brings another one.
type Found = (Arc<Job>, Option<Instant>);

/// What was found.
#[derive(Clone, Default)]
pub(crate) struct NextFires(Arc<Mutex<(Holds, HashMap<JobId, Found>)>>);

impl NextFires {
    /// The next fire of each of `jobs`, in their order, as far as `holds` let them.
    pub(crate) fn of(&self, engine: &Engine, jobs: &[Arc<Job>], holds: Holds) -> Vec<Option<Instant>> {
        let now = engine.now();
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (under, known) = &mut *guard;
        // Jobs that are gone do not pile up, and what holds them back counts for all.
        if known.len() > 2 * jobs.len() || *under != holds {
            known.clear();
            *under = holds;
        }
        let find = |job: &Arc<Job>| match known.get(&job.id) {
            Some((was, at)) if Arc::ptr_eq(was, job) && at.is_none_or(|at| at > now) => *at,
            _ => {
                let at = engine.next_fire(job, under);
                known.insert(job.id.clone(), (job.clone(), at));
                at
            }
        };
        jobs.iter().map(find).collect()
    }
}
