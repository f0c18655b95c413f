//! The bell: rings in this process and, on PostgreSQL, in every other one, when a run may be taken up; and in every other
//! one, but not here, when there is news for listeners.
//!
//! One task has a connection of its own that both listens and notifies. A notification leaves just after the commit it is
//! about, not inside it: PostgreSQL lets transactions that notify commit one at a time only, and a thousand fires at once
//! would wait for the disk one after the other. So it is also sent once for as many commits as came meanwhile. What a lost
//! connection swallows is made up for by ringing after each new one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_listener::{Event, EventListener};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// News is told at most that often; a burst of commits is one piece of news.
const NEWS_EVERY: Duration = Duration::from_millis(50);
/// A connection that says nothing is asked that often whether it is still there.
const CHECK_EVERY: Duration = Duration::from_secs(20);
/// How long a statement of ours may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to connect, doubled each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Bell {
    line: Arc<Line>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// What it rings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// A run may be taken up.
    Runs,
    /// Something was committed that listeners may want to hear.
    News,
}

impl Topic {
    const ALL: [Self; 2] = [Self::Runs, Self::News];

    fn channel(self) -> &'static str {
        match self {
            Self::Runs => "ly2_runs",
            Self::News => "ly2_news",
        }
    }
}

#[derive(Debug, Default)]
struct Rope {
    rung: Event,
    /// Others are still to be told.
    pending: AtomicBool,
}

/// What the bell and its task share.
#[derive(Debug, Default)]
struct Line {
    ropes: [Rope; 2],
    closed: AtomicBool,
    /// A rope was pulled, or the line was closed.
    changed: Notify,
}

impl Bell {
    /// A bell for this process alone.
    pub(crate) fn here() -> Self {
        Self { line: Arc::default(), task: Mutex::new(None) }
    }

    /// A bell for every process on one database. Must be called inside a runtime.
    pub(crate) fn on(options: PgConnectOptions) -> Self {
        let line = Arc::<Line>::default();
        let task = tokio::spawn(serve(Arc::clone(&line), options));
        Self { line, task: Mutex::new(Some(task)) }
    }

    pub(crate) fn listen(&self, topic: Topic) -> EventListener {
        self.line.rope(topic).rung.listen()
    }

    pub(crate) fn ring(&self, topic: Topic) {
        if topic == Topic::Runs {
            self.line.ring_here(topic);
        }
        let was_pending = self.line.rope(topic).pending.swap(true, Ordering::AcqRel);
        if !was_pending {
            self.line.changed.notify_one();
        }
    }

    /// Tells others what they have not been told yet, and hangs up.
    pub(crate) async fn close(&self) {
        self.line.closed.store(true, Ordering::Release);
        self.line.changed.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the store's bell did not end well");
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

impl Line {
    fn rope(&self, topic: Topic) -> &Rope {
        &self.ropes[topic as usize]
    }

    fn ring_here(&self, topic: Topic) {
        self.rope(topic).rung.notify(usize::MAX);
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    async fn closing(&self) {
        while !self.is_closed() {
            self.changed.notified().await;
        }
    }
}

async fn serve(line: Arc<Line>, options: PgConnectOptions) {
    let mut pause = SHORTEST_PAUSE;
    while !line.is_closed() {
        let connected = tokio::select! {
            connected = connect(&options) => connected,
            () = line.closing() => return,
        };
        let end = match connected {
            Ok((pool, listener)) => {
                pause = SHORTEST_PAUSE;
                Topic::ALL.into_iter().for_each(|topic| line.ring_here(topic));
                let end = attend(&line, listener).await;
                // Its one connection comes back by itself; a server that is gone is not waited for.
                let _ = timeout(PATIENCE, pool.close()).await;
                end
            }
            Err(error) => Err(error),
        };
        if let Err(error) = end {
            tracing::debug!(%error, "the store's bell lost its connection");
            tokio::select! {
                () = sleep(pause) => {}
                () = line.closing() => return,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

/// A pool of one, because the driver's listener wants a pool; a new one each time, because a connection that hangs is not
/// given back to it: the driver takes its leave of it in a task of its own, until the system gives the connection up.
async fn connect(options: &PgConnectOptions) -> Result<(PgPool, PgListener), sqlx::Error> {
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).idle_timeout(None).max_lifetime(None);
    let pool = one.connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    in_time(listener.listen_all(Topic::ALL.map(Topic::channel))).await?;
    Ok((pool, listener))
}

/// Listens and tells others until the line is closed (`Ok`) or the connection is lost.
async fn attend(line: &Line, mut listener: PgListener) -> Result<(), sqlx::Error> {
    let me = in_time(sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&mut listener)).await?;
    let me = u32::try_from(me).unwrap_or_default();
    let mut news_from = Instant::now();
    loop {
        let closed = line.is_closed();
        for topic in Topic::ALL {
            let is_early = topic == Topic::News && !closed && Instant::now() < news_from;
            if is_early || !line.rope(topic).pending.swap(false, Ordering::AcqRel) {
                continue;
            }
            if let Err(error) = notify(&mut listener, topic).await {
                line.rope(topic).pending.store(true, Ordering::Release);
                return Err(error);
            }
            if topic == Topic::News {
                news_from = Instant::now() + NEWS_EVERY;
            }
        }
        if closed {
            return Ok(());
        }
        let wait = match line.rope(Topic::News).pending.load(Ordering::Acquire) {
            true => news_from,
            false => Instant::now() + CHECK_EVERY,
        };
        tokio::select! {
            heard = listener.try_recv() => match heard? {
                Some(told) => {
                    let topic = Topic::ALL.into_iter().find(|topic| topic.channel() == told.channel());
                    // The news of this process is no news to it.
                    if let Some(topic) = topic.filter(|topic| *topic == Topic::Runs || told.process_id() != me) {
                        line.ring_here(topic);
                    }
                }
                None => return Err(sqlx::Error::Protocol("the server hung up".to_owned())),
            },
            () = line.changed.notified() => {}
            () = sleep_until(wait) => {
                if wait > news_from {
                    in_time(sqlx::query("select 1").execute(&mut listener)).await?;
                }
            }
        }
    }
}

async fn notify(listener: &mut PgListener, topic: Topic) -> Result<(), sqlx::Error> {
    let sent = sqlx::query("select pg_notify($1, '')").bind(topic.channel()).execute(listener);
    in_time(sent).await.map(drop)
}

async fn in_time<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(PATIENCE, answer).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
