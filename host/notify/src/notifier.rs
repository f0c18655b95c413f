//! The notifier: while it has the lease, it judges events, looks for long runs and silent jobs, and has messages sent
//! (`post`). It is woken when a run ends here, and looks by itself every second: the store is the truth, a ring only saves
//! time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant as Moment};

use host_model::notify::store::{Judgement, Mark, StoredEvent};
use host_model::notify::{EventKind, Notice};
use host_model::port::StoreError;
use host_model::replica::Held;
use host_model::run::{RunFilter, RunStatus};
use host_model::{CancelToken, Instant, Job, JobId, Run};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::NotifyParts;
use crate::book::Book;
use crate::judge::judge;
use crate::message::facts;
use crate::mutes::Muted;
use crate::observe::{self, View, observe};
use crate::post::Post;
use crate::send::Sender;
use crate::tenure::{self, Rival};

/// Events judged in one transaction.
const EVENTS: u32 = 200;
/// Runs in flight that are looked at.
const RUNNING: u32 = 10_000;
/// What messages on their way get when the process stops.
const LAST_SENDS: Duration = Duration::from_secs(3);

/// What the notifier's parts share.
pub(crate) struct Shared {
    pub(crate) parts: NotifyParts,
    pub(crate) sender: Sender,
    pub(crate) book: RwLock<Arc<Book>>,
    pub(crate) rung: Notify,
    pub(crate) changed: Notify,
    leaving: CancelToken,
}

/// See the module's note. Through it the API asks, too.
pub struct Notifier {
    pub(crate) shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Notifier {
    /// A notifier that answers questions and sends nothing yet.
    pub fn new(parts: NotifyParts) -> Self {
        let sender = Sender::new(&parts.home, parts.settings.public_url.clone());
        let shared = Arc::new(Shared {
            parts,
            sender,
            book: RwLock::default(),
            rung: Notify::new(),
            changed: Notify::new(),
            leaving: CancelToken::new(),
        });
        Self { shared, task: Mutex::new(None) }
    }

    /// Begins to ask for the lease, and to work while it has it.
    pub fn start(&self) {
        let task = tokio::spawn(compete(self.shared.clone()));
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Something may have happened: looks at once.
    pub fn wake(&self) {
        self.shared.rung.notify_one();
    }

    /// Stops: messages on their way get a moment, then the lease is given back. What is left is in the outbox.
    pub async fn stop(&self) {
        self.shared.leaving.cancel("the process stops");
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && tokio::time::timeout(LAST_SENDS * 2, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Shared {
    pub(crate) fn book(&self) -> Arc<Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads transports and routes again.
    pub(crate) async fn read_book(&self) -> Result<Arc<Book>, StoreError> {
        let stored = self.parts.store.list_transports().await?;
        let routes = self.parts.store.find_routes().await?;
        self.parts.keeper.refresh().await?;
        let mutes = self.parts.mutes.list_mutes(self.parts.clock.now()).await?;
        let book = Book::new(&self.parts.settings, stored, &routes, &*self.parts.keeper);
        let book = Arc::new(Book { mutes, ..book });
        *self.book.write().unwrap_or_else(PoisonError::into_inner) = book.clone();
        Ok(book)
    }
}

async fn compete(shared: Arc<Shared>) {
    let mut rival = Rival::default();
    while !shared.leaving.is_canceled() {
        match tenure::try_take(&shared, &mut rival).await {
            Ok(Some(held)) => {
                tracing::info!(term = held.term, "notifications: this process sends them");
                reign(&shared, &held).await;
                rival = Rival::default();
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the notifier's lease cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(shared.parts.pace.beat) => {}
            () = shared.leaving.canceled() => {}
        }
    }
}

/// Works until the lease is lost or the process stops.
async fn reign(shared: &Arc<Shared>, held: &Held) {
    let mut post = Post::new(shared.clone(), held.clone());
    let is_lost = {
        let work = work(shared, held, &mut post);
        tokio::select! {
            () = tenure::keep(shared, held) => true,
            () = work => false,
            () = shared.leaving.canceled() => false,
        }
    };
    if is_lost {
        tracing::warn!(term = held.term, "notifications: another process sends them now");
        return;
    }
    // What happened last is in the outbox before the process goes. Without the book everything would be told to nobody.
    let last = async {
        shared.read_book().await?;
        judge_events(shared, held).await
    };
    if let Err(error) = last.await {
        tracing::warn!(%error, "the last events are left for the next process that sends notifications");
    }
    post.finish(LAST_SENDS).await;
    if let Err(error) = shared.parts.store.release_notify_lease(held).await {
        tracing::debug!(%error, "the notifier's lease could not be given back");
    }
}

async fn work(shared: &Arc<Shared>, held: &Held, post: &mut Post) {
    let pace = shared.parts.pace;
    let (mut read_at, mut looked_at): (Option<Moment>, Option<Moment>) = (None, None);
    let mut wanted: Option<Vec<EventKind>> = None;
    let is_due = |last: Option<Moment>, every: Duration| last.is_none_or(|last| last.elapsed() >= every);
    loop {
        let round = async {
            if is_due(read_at, pace.settings) {
                shared.read_book().await?;
                read_at = Some(Moment::now());
                let wants = wants(shared);
                if wanted.as_ref() != Some(&wants) {
                    shared.parts.store.want_events(&wants).await?;
                    wanted = Some(wants);
                }
            }
            judge_events(shared, held).await?;
            if is_due(looked_at, pace.look) {
                look_around(shared, held).await?;
                looked_at = Some(Moment::now());
            }
            post.send_due().await
        };
        if let Err(error) = round.await {
            tracing::warn!(%error, "notifications wait for the store");
        }
        tokio::select! {
            () = tokio::time::sleep(pace.tick) => {}
            () = shared.rung.notified() => {}
            () = shared.changed.notified() => read_at = None,
            () = post.some_end() => {}
        }
    }
}

/// Events that are written for us beside failures and recoveries.
fn wants(shared: &Shared) -> Vec<EventKind> {
    let (book, jobs) = (shared.book(), (shared.parts.jobs)());
    let any =
        |asks: fn(&host_model::job::Alerts) -> bool| jobs.values().any(|job| job.alerts.as_ref().is_some_and(asks));
    let optional = [
        (EventKind::Succeeded, any(|alerts| alerts.on_success)),
        (EventKind::Canceled, any(|alerts| alerts.on_canceled)),
        (EventKind::Skipped, false),
    ];
    let asked = optional.into_iter().filter(|(kind, by_job)| *by_job || book.asks_for(*kind));
    asked.map(|(kind, _)| kind).collect()
}

/// Puts the messages of every event that is written into the outbox.
async fn judge_events(shared: &Shared, held: &Held) -> Result<(), StoreError> {
    loop {
        let events = shared.parts.store.list_events(EVENTS).await?;
        if events.is_empty() {
            return Ok(());
        }
        let (book, jobs, now) = (shared.book(), (shared.parts.jobs)(), shared.parts.clock.now());
        let (mut judgement, mut muted) = (Judgement::default(), Muted::default());
        for event in &events {
            let notice = notice_of(shared, event, jobs.get(&event.job_id).map(|job| &**job)).await?;
            judgement.events.push(event.seq);
            if matches!(event.kind, EventKind::Recovered | EventKind::Succeeded) {
                // Its silence is over, and that is told with this.
                judgement.unmarked.push(observe::silent_mark(&event.job_id));
            }
            tell(&notice, jobs.get(&event.job_id).map(|job| &**job), &book, now, &mut judgement, &mut muted);
        }
        if !shared.parts.store.judge(held, &judgement, now).await? {
            return Ok(());
        }
        muted.count(&*shared.parts.mutes).await;
    }
}

/// Adds the messages about `notice`.
fn tell(notice: &Notice, job: Option<&Job>, book: &Book, now: Instant, judgement: &mut Judgement, muted: &mut Muted) {
    if book.entries.is_empty() {
        return;
    }
    for told in judge(notice, job.and_then(|job| job.alerts.as_ref()), book) {
        if let Some(mute) = &told.muted {
            muted.add(mute);
            continue;
        }
        if let Some(why) = &told.failure {
            tracing::warn!(job.id = %notice.job_id, event = notice.kind.as_str(), "a notification goes nowhere: {why}");
        }
        judgement.deliveries.push(told.delivery(notice, now));
    }
}

async fn notice_of(shared: &Shared, event: &StoredEvent, job: Option<&Job>) -> Result<Notice, StoreError> {
    let run = match shared.parts.runs.find_run(event.run_id).await {
        Ok(run) => run,
        // A row that cannot be read has failed all the same.
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    let steps = match (&run, event.kind) {
        (Some(run), EventKind::Failed) => shared.parts.runs.list_steps(run.id).await.ok(),
        _ => None,
    };
    let reason = run.as_ref().and_then(|run| run.error.clone().or_else(|| run.reason.clone()));
    Ok(Notice {
        kind: event.kind,
        job_id: event.job_id.clone(),
        tags: job.map(|job| job.tags.clone()).unwrap_or_default(),
        at: event.at,
        run_id: Some(event.run_id),
        text: match event.kind {
            EventKind::Recovered => "the first run that succeeded after a failure".to_owned(),
            EventKind::Canceled | EventKind::Skipped => reason.unwrap_or_default(),
            _ => String::new(),
        },
        facts: run.map(|run| facts(&run, steps.as_deref())).unwrap_or_default(),
    })
}

/// Looks for long runs and silent jobs.
async fn look_around(shared: &Shared, held: &Held) -> Result<(), StoreError> {
    let (jobs, parts) = ((shared.parts.jobs)(), &shared.parts);
    let marks: BTreeMap<String, Instant> =
        parts.store.list_marks().await?.into_iter().map(|Mark { name, at }| (name, at)).collect();
    let running = if jobs.values().any(|job| observe::long_run_minutes(job).is_some()) {
        let statuses = vec![RunStatus::Running];
        parts.runs.list_runs(&RunFilter { statuses, limit: RUNNING, ..RunFilter::default() }).await?
    } else {
        Vec::new()
    };
    let mut succeeded: HashMap<JobId, Run> = HashMap::new();
    for job in jobs.values().filter(|job| observe::silence_hours(job).is_some()) {
        let (ids, statuses) = (vec![job.id.clone()], vec![RunStatus::Succeeded]);
        let newest = RunFilter { jobs: ids, statuses, limit: 1, ..RunFilter::default() };
        succeeded.extend(parts.runs.list_runs(&newest).await?.into_iter().map(|run| (job.id.clone(), run)));
    }
    // A run that ended since the events were judged would be told of twice.
    if !parts.store.list_events(1).await?.is_empty() {
        return Ok(());
    }
    let now = parts.clock.now();
    let found = observe(&View { now, jobs: &jobs, running: &running, succeeded: &succeeded, marks: &marks });
    let mut judgement = Judgement { marks: found.marks, unmarked: found.unmarked, ..Judgement::default() };
    let (book, mut muted) = (shared.book(), Muted::default());
    for notice in &found.notices {
        tell(notice, jobs.get(&notice.job_id).map(|job| &**job), &book, now, &mut judgement, &mut muted);
    }
    if !judgement.is_empty() {
        parts.store.judge(held, &judgement, now).await?;
        muted.count(&*parts.mutes).await;
    }
    Ok(())
}
