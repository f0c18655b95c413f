//! Introduces the notifier to the house: what is set, where it finds jobs and secrets, and who rings when a run ends.

use std::sync::Arc;

use host_catalogue::{Settings, system_zone};
use host_engine::clock::SystemClock;
use host_engine::{Engine, is_owner_alive};
use host_model::event::Event;
use host_model::notify::mute::MuteStore;
use host_model::notify::store::NotifyStore;
use host_model::port::Store;
use host_notify::{Notifier, NotifyParts, NotifySettings, Pace};

use crate::assemble::Ending;
use crate::home::Home;
use crate::vault::book::SecretBook;

/// The notifier of this process. It sends nothing before [`start`].
pub(crate) fn notifier(
    home: &Home,
    settings: &Settings,
    runs: &Arc<dyn Store>,
    store: Arc<dyn NotifyStore>,
    mutes: Arc<dyn MuteStore>,
    secrets: &Arc<SecretBook>,
    engine: &Engine,
) -> Notifier {
    let (told, engine) = (&settings.notifications, engine.clone());
    let owner = engine.presence().owner.clone();
    Notifier::new(NotifyParts {
        store,
        mutes,
        runs: runs.clone(),
        clock: Arc::new(SystemClock),
        jobs: Arc::new(move || engine.jobs()),
        keeper: secrets.clone(),
        owner,
        is_owner_alive,
        home: home.path().to_owned(),
        settings: NotifySettings {
            public_url: settings.public_url.value.clone(),
            group_seconds: told.group_seconds.value,
            retry_seconds: told.retry_seconds.value,
            give_up_hours: told.give_up_hours.value,
            transports: told.transports.clone(),
            routes: told.routes.clone(),
            zone: system_zone(),
        },
        pace: Pace::default(),
    })
}

/// Has it ask for its lease, and look at once when a run ends here.
pub(crate) fn start(notifier: &Arc<Notifier>, engine: &Engine) -> Ending {
    notifier.start();
    let (notifier, mut events) = (notifier.clone(), engine.bus().subscribe(None).live);
    Ending(tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => match &*event.1 {
                    Event::Run(run) if run.status.is_final() => notifier.wake(),
                    _ => {}
                },
                // What was missed may have been an end.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => notifier.wake(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    }))
}
