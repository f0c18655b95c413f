//! What is due when: the queue of coming slots, and for each schedule the instant up to which its slots were handed over.
//!
//! Invariant: a schedule that is watched loses no slot. It leaves the watch only by being disabled; one that is merely
//! absent for a while (its file is broken, its folder not mounted) goes on where it was when it comes back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use host_model::fire::SeenSchedule;
use host_model::job::JobSchedule;
use host_model::{Instant, Job, JobId};

use crate::engine::Jobs;

/// Slots of one schedule handed over at once: a clock that leaps by years must fill neither memory nor ledger.
pub(super) const MOST_SLOTS: usize = 100_000;

/// Job and schedule. Shared by the queue and the watch: there may be a hundred thousand of them.
type Key = Arc<(JobId, String)>;

/// A coming slot; the order is that of firing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Coming {
    fire_at: Instant,
    key: Key,
    due_at: Instant,
}

struct Watched {
    text: String,
    /// As the store has it.
    since: Instant,
    handed_over_to: Instant,
}

/// See the module's note.
pub(super) struct Agenda {
    queue: BinaryHeap<Reverse<Coming>>,
    watched: HashMap<Key, Watched>,
}

/// What the store has to learn.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Changes {
    pub(super) seen: Vec<SeenSchedule>,
    pub(super) gone: Vec<(JobId, String)>,
}

/// The slots of one schedule that are due, oldest first.
pub(super) struct Due {
    pub(super) job: Arc<Job>,
    /// Index in the job's schedules.
    pub(super) schedule: usize,
    pub(super) instants: VecDeque<Instant>,
    /// The oldest of the slots left out because there are too many, and how many.
    pub(super) left_out: Option<(Instant, u64)>,
}

impl Due {
    /// The schedule's name.
    pub(super) fn name(&self) -> &str {
        &self.job.schedules[self.schedule].name
    }

    /// Takes in later slots of the same schedule; the job is as it was with them.
    pub(super) fn join(&mut self, later: Self) {
        let Self { job, schedule, instants, left_out } = later;
        (self.job, self.schedule) = (job, schedule);
        if let Some((oldest, count)) = left_out {
            // So many came later that these are too many as well.
            let own = self.instants.len() as u64;
            let first = self.left_out.map(|(first, _)| first).or(self.instants.front().copied()).unwrap_or(oldest);
            self.left_out = Some((first, self.left_out.map_or(0, |(_, count)| count) + own + count));
            self.instants.clear();
        }
        self.instants.extend(instants);
        // After a clock was set back, what comes later is not always due later, and may come a second time.
        let mut ordered: Vec<Instant> = std::mem::take(&mut self.instants).into();
        ordered.sort_unstable();
        ordered.dedup();
        self.instants = ordered.into();
        while self.instants.len() > MOST_SLOTS
            && let Some(oldest) = self.instants.pop_front()
        {
            self.left_out.get_or_insert((oldest, 0)).1 += 1;
        }
    }
}

impl Agenda {
    /// An empty queue over what the store remembers.
    pub(super) fn new(remembered: Vec<(SeenSchedule, Option<Instant>)>) -> Self {
        let watch = |(seen, decided_to): (SeenSchedule, Option<Instant>)| {
            let handed_over_to = decided_to.map_or(seen.since, |decided_to| decided_to.max(seen.since));
            (Arc::new((seen.job_id, seen.schedule)), Watched { text: seen.text, since: seen.since, handed_over_to })
        };
        Self { queue: BinaryHeap::new(), watched: remembered.into_iter().map(watch).collect() }
    }

    /// Fills the queue from the jobs of the moment. New and changed schedules count from `now`, and so does everything
    /// after a clock was set back: slots that come round again are in the ledger already and do not fire twice. The store
    /// learns of that only where it would begin later: slots handed over before the clock was set back may still wait for
    /// their rows, and a successor has to find them.
    pub(super) fn adopt(&mut self, jobs: &Jobs, now: Instant) -> Changes {
        let mut changes = Changes::default();
        let mut queue = Vec::new();
        for job in jobs.values() {
            for schedule in &job.schedules {
                let key = Key::new((job.id.clone(), schedule.name.clone()));
                if !(job.enabled && schedule.enabled) {
                    if self.watched.remove(&key).is_some() {
                        changes.gone.push((*key).clone());
                    }
                    continue;
                }
                let text = schedule.spec.wording();
                let known = self.watched.get_key_value(&key).filter(|(_, watched)| watched.text == text);
                let (key, after) = match known {
                    Some((key, watched)) if watched.handed_over_to <= now => (key.clone(), watched.handed_over_to),
                    _ => {
                        let stored = known.map(|(_, watched)| watched.since);
                        let since = stored.map_or(now, |stored| stored.min(now));
                        if stored != Some(since) {
                            let (job_id, schedule) = (*key).clone();
                            changes.seen.push(SeenSchedule { job_id, schedule, text: text.clone(), since });
                        }
                        self.watched.insert(key.clone(), Watched { text, since, handed_over_to: now });
                        (key, now)
                    }
                };
                queue.extend(coming(job, schedule, key, after).map(Reverse));
            }
        }
        self.queue = queue.into();
        changes
    }

    /// When the next slot fires.
    pub(super) fn next_fire(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(coming)| coming.fire_at)
    }

    /// Takes what is due out of the queue, by job, and queues what comes next. What is due is held against the jobs of
    /// the moment: a schedule that was removed, disabled or changed since it was queued does not fire.
    pub(super) fn take_due(&mut self, jobs: &Jobs, now: Instant) -> BTreeMap<JobId, Vec<Due>> {
        let mut taken: BTreeMap<JobId, Vec<Due>> = BTreeMap::new();
        while self.next_fire().is_some_and(|at| at <= now) {
            let Some(Reverse(first)) = self.queue.pop() else { break };
            let Some((job, schedule)) = declared(jobs, &first) else { continue };
            let mut due = Due { job: job.clone(), schedule, instants: VecDeque::from([first.due_at]), left_out: None };
            let mut last = first.due_at;
            while let Some(next) = coming(job, &job.schedules[schedule], first.key.clone(), last) {
                if next.fire_at > now {
                    self.queue.push(Reverse(next));
                    break;
                }
                last = next.due_at;
                due.instants.push_back(last);
                if due.instants.len() > MOST_SLOTS
                    && let Some(oldest) = due.instants.pop_front()
                {
                    due.left_out.get_or_insert((oldest, 0)).1 += 1;
                }
            }
            if let Some(watched) = self.watched.get_mut(&first.key) {
                watched.handed_over_to = last;
            }
            taken.entry(job.id.clone()).or_default().push(due);
        }
        taken
    }
}

/// The first slot of `schedule` due after `after`.
fn coming(job: &Job, schedule: &JobSchedule, key: Key, after: Instant) -> Option<Coming> {
    let due_at = schedule.spec.next_after(after)?;
    Some(Coming { fire_at: schedule.fire_at(&job.id, due_at), key, due_at })
}

/// The schedule, if it still exists, still fires and is still due at that instant.
fn declared<'j>(jobs: &'j Jobs, coming: &Coming) -> Option<(&'j Arc<Job>, usize)> {
    let (job_id, name) = &*coming.key;
    let job = jobs.get(job_id).filter(|job| job.enabled)?;
    let index = job.schedules.iter().position(|s| s.name == *name && s.enabled)?;
    let just_before = coming.due_at - chrono::TimeDelta::milliseconds(1);
    (job.schedules[index].spec.next_after(just_before) == Some(coming.due_at)).then_some((job, index))
}
