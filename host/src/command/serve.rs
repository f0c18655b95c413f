//! `nomaflow serve`: the server until a signal, then a graceful stop.

use std::time::Duration;

use host_catalogue::Flags;
use host_model::CancelToken;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::assemble;
use crate::cli::Global;
use crate::exit::{Exit, Failure, Outcome};
use crate::home::Home;
use crate::say;
use crate::watcher::Watcher;

/// What open connections get after the runs have ended; live streams end at once.
const CONNECTIONS: Duration = Duration::from_secs(5);

/// Runs the server.
pub(crate) async fn run(global: &Global, listen: Option<&str>) -> Outcome {
    let home = Home::new(&global.home);
    let flags = Flags { listen: listen.map(str::to_owned), ..Flags::default() };
    let settings = home.settings(&flags)?.settings;
    let address = settings.listen.value;
    // The port first: a second server must not get as far as touching the store.
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::new(Exit::Invalid, format!("cannot listen on {address}: {error}"));
        failure.hint("another program has this port; choose one with --listen 127.0.0.1:PORT (0 = any free one)")
    })?;
    let local = listener.local_addr().map_err(anyhow::Error::from)?;
    let mut signals = Signals::new().map_err(anyhow::Error::from)?;
    let url = format!("http://{local}");
    // Before the files are read: nothing that changes from here on is missed.
    let watcher = settings.watch.value.then(|| Watcher::new(&home, settings.plugins_dir(home.path()))).flatten();
    // Jobs that call their own server find it here (`${NOMAFLOW_URL}`), on whatever port it is.
    let house = tokio::select! {
        house = assemble::build(&home, &settings, Some(&url)) => house?,
        // A start may take long: components to compile, a store that is slow to answer.
        () = signals.stop() => return Ok(Exit::Fine),
    };
    let _note = home.note_server_address(&url)?;
    // A server whose output nobody reads any more serves on.
    let _ = announce(global, &home, &url);
    let watching = watcher.map(|watcher| watcher.start(house.keeper.clone()));
    let server = tokio::spawn(host_api::server::serve(listener, house.router.clone(), house.stop.clone()));
    loop {
        match signals.next().await {
            Wish::Stop => break,
            Wish::Reload => house.reload().await,
        }
    }
    drop(watching);
    let drain = Duration::from_secs(settings.drain_seconds.value.into());
    let _ = say("stopping: no new runs; runs in flight may finish (a second signal cancels them)");
    let hurry = CancelToken::new();
    let impatient = {
        let hurry = hurry.clone();
        tokio::spawn(async move {
            signals.stop().await;
            hurry.cancel("second signal");
        })
    };
    house.close(drain, &hurry).await;
    impatient.abort();
    let _ = tokio::time::timeout(CONNECTIONS, server).await;
    let _ = say("stopped");
    Ok(Exit::Fine)
}

fn announce(global: &Global, home: &Home, url: &str) -> Result<(), Failure> {
    if global.json {
        return say(&format!("{{\"listening\":\"{url}\"}}"));
    }
    let token = home.path().join("data/bootstrap.token");
    say(&format!("nomaflow {} is listening on {url}", env!("CARGO_PKG_VERSION")))?;
    say(&format!("sign in with the token in {} (cat it, paste it)", token.display()))
}

enum Wish {
    Stop,
    Reload,
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Returns with the next wish to stop.
    async fn stop(&mut self) {
        while let Wish::Reload = self.next().await {}
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop,
            _ = self.terminate.recv() => Wish::Stop,
            _ = self.hangup.recv() => Wish::Reload,
        }
    }
}
