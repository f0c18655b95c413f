//! Watches what the catalogue is read from and has it read again when a file changes: `connectors.toml`, and under the
//! plugins folder every folder that may hold jobs, components or Python modules, through links too.
//!
//! A burst of changes is one reading: [`QUIET`] after the last of them, and no later than [`LATEST`] after the first.
//! Invariant: folders are watched before the files are read, so that a change during the reading is followed by another
//! one. A half-written file is read, reported, and read again when the rest of it arrives.

mod folders;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::{Event, EventKind};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::home::Home;
use crate::keeper::Keeper;
use folders::Folders;

/// How long it has to be quiet.
const QUIET: Duration = Duration::from_millis(200);
/// Longest wait of a change; leaves time to read the files within a second of it.
const LATEST: Duration = Duration::from_millis(800);
/// How often a folder that is not there is looked for when nothing watched can tell of it.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

type News = notify::Result<Event>;

/// Watches from now on; [`Watcher::start`] begins to act.
pub(crate) struct Watcher {
    folders: Folders,
    news: UnboundedReceiver<News>,
}

/// Ends the watching when dropped.
pub(crate) struct Watching(JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watcher {
    /// Begins to watch the files of a home. Nothing when the platform refuses, which is said and not an error: files are
    /// then read when somebody asks.
    pub(crate) fn new(home: &Home, plugins: PathBuf) -> Option<Self> {
        let (sender, news) = unbounded_channel();
        let handler = move |event: News| {
            // Opening and closing a file is news too; reading the catalogue must not lead to reading the catalogue.
            if !matches!(&event, Ok(event) if matches!(event.kind, EventKind::Access(_))) {
                // Fails only while the server stops.
                let _ = sender.send(event);
            }
        };
        match notify::recommended_watcher(handler) {
            Ok(watcher) => {
                let mut folders = Folders::new(watcher, home.path(), plugins);
                folders.sync();
                Some(Self { folders, news })
            }
            Err(error) => {
                tracing::warn!(%error, "files are not watched; after a change: nomaflow reload");
                None
            }
        }
    }

    /// Has `keeper` read the files again whenever they change.
    pub(crate) fn start(self, keeper: Arc<Keeper>) -> Watching {
        Watching(tokio::spawn(self.run(keeper)))
    }

    async fn run(mut self, keeper: Arc<Keeper>) {
        while self.changed().await {
            self = match self.synced().await {
                Some(synced) => synced,
                None => return,
            };
            keeper.reload_aloud().await;
        }
    }

    /// Waits for a change and for the end of the burst it begins. False when there will be none any more.
    async fn changed(&mut self) -> bool {
        loop {
            let look_again = Instant::now() + LOOK_AGAIN;
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(news) if self.matters(&news) => break,
                    Some(_) => {}
                    None => return false,
                },
                () = sleep_until(look_again), if self.folders.is_one_missing() => {
                    if self.folders.has_one_come() {
                        return true;
                    }
                }
            }
        }
        let latest = Instant::now() + LATEST;
        let mut quiet = Instant::now() + QUIET;
        while let Ok(news) = timeout_at(quiet.min(latest), self.news.recv()).await {
            match news {
                Some(news) if self.matters(&news) => quiet = Instant::now() + QUIET,
                Some(_) => {}
                None => return false,
            }
        }
        true
    }

    fn matters(&mut self, news: &News) -> bool {
        match news {
            // The system had more to say than it could keep.
            Ok(event) if event.need_rescan() => true,
            // Each of them has to be noted.
            Ok(event) => event.paths.iter().filter(|path| self.folders.note(path)).count() > 0,
            Err(error) => {
                tracing::warn!(%error, "watching files");
                true
            }
        }
    }

    /// Watches the folders that are there now. Blocks on the disk, so not on a thread of the runtime.
    async fn synced(mut self) -> Option<Self> {
        let work = tokio::task::spawn_blocking(move || {
            self.folders.sync();
            self
        });
        match work.await {
            Ok(synced) => Some(synced),
            Err(error) => {
                tracing::error!(%error, "watching files has ended; after a change: nomaflow reload");
                None
            }
        }
    }
}
