//! `nomaflow serve`: a server or a worker until a signal, then a graceful stop.

use std::time::Duration;

use host_catalogue::{Flags, Origin, Role, Setting, Settings};
use host_model::CancelToken;
use host_model::connector::PoolAddress;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::assemble::{self, Part};
use crate::cli::{Global, ServeArgs};
use crate::exit::{Exit, Failure, Outcome};
use crate::home::Home;
use crate::say;
use crate::watcher::Watcher;

/// What open connections get after the runs have ended; live streams end at once.
const CONNECTIONS: Duration = Duration::from_secs(5);

/// Runs the server, or a worker.
pub(crate) async fn run(global: &Global, args: ServeArgs) -> Outcome {
    let home = Home::new(&global.home);
    let flags = Flags { listen: args.listen, role: args.role, labels: args.labels, ..Flags::default() };
    let settings = home.settings(&flags)?.settings;
    let is_worker = settings.role.value == Role::Worker;
    let is_open = !is_worker || is_named_for_worker(&settings);
    // The port first: a second server must not get as far as touching the store.
    let listener = if is_open { Some(listen(&settings).await?) } else { None };
    let local = listener.as_ref().map(TcpListener::local_addr).transpose().map_err(anyhow::Error::from)?;
    let url = local.map(|local| format!("http://{local}"));
    let part = match url.as_deref() {
        Some(url) if !is_worker => Part::Server(url),
        url => Part::Worker(url),
    };
    let mut signals = Signals::new().map_err(anyhow::Error::from)?;
    // Before the files are read: nothing that changes from here on is missed.
    let watcher = settings.watch.value.then(|| Watcher::new(&home, settings.plugins_dir(home.path()))).flatten();
    // Jobs that call their own server find it here (`${NOMAFLOW_URL}`), on whatever port it is.
    let house = tokio::select! {
        house = assemble::build(&home, &settings, part) => house?,
        // A start may take long: a store that is slow to answer.
        () = signals.stop() => return Ok(Exit::Fine),
    };
    // Commands of this home find a server; a worker only where no server is.
    let noted = url.as_deref().filter(|_| !is_worker || home.read_server_address().is_none());
    let _note = noted.map(|url| home.note_server_address(url)).transpose()?;
    // A server whose output nobody reads any more serves on.
    let _ = announce(global, &home, &settings, url.as_deref(), house.first_password.as_deref());
    let watching = watcher.map(|watcher| watcher.start(house.keeper.clone()));
    let following = house.keeper.follow_compiler();
    let serving = |listener| host_api::server::serve(listener, house.router.clone(), house.stop.clone());
    let server = listener.map(|listener| tokio::spawn(serving(listener)));
    loop {
        match signals.next().await {
            Wish::Stop => break,
            Wish::Reload => house.reload().await,
        }
    }
    drop((watching, following));
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
    if let Some(server) = server {
        let _ = tokio::time::timeout(CONNECTIONS, server).await;
    }
    let _ = say("stopped");
    Ok(Exit::Fine)
}

/// A worker needs no port: it has one when somebody names it. What stands in a file that makes no worker is the address of
/// the server that shares it.
fn is_named_for_worker(settings: &Settings) -> bool {
    match settings.listen.origin {
        Origin::Default => false,
        Origin::File { .. } => matches!(settings.role.origin, Origin::File { .. }),
        _ => true,
    }
}

async fn listen(settings: &Settings) -> Result<TcpListener, Failure> {
    let Setting { value: address, origin } = &settings.listen;
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::new(Exit::Invalid, format!("cannot listen on {address}: {error}"));
        match (settings.role.value, origin) {
            (Role::Worker, Origin::File { .. }) => failure.hint(
                "this is the address in app.toml; give a worker of the same home another with --listen 127.0.0.1:0",
            ),
            _ => failure
                .hint("another program has this port; choose one with --listen 127.0.0.1:PORT (0 = any free one)"),
        }
    })
}

fn announce(
    global: &Global,
    home: &Home,
    settings: &Settings,
    url: Option<&str>,
    first_password: Option<&str>,
) -> Result<(), Failure> {
    let (role, labels) = (settings.role.value, &settings.labels.value);
    let (store, room) = (store_text(&settings.store.value), settings.max_concurrent_runs.value);
    if global.json {
        let mut line =
            json!({ "listening": url, "role": role.as_str(), "labels": labels, "room": room, "store": store });
        if let Some(password) = first_password {
            line["first_password"] = password.into();
            line["setup_url"] = url.map(|url| setup_link(settings, url, password)).into();
        }
        return say(&line.to_string());
    }
    let version = env!("CARGO_PKG_VERSION");
    if role == Role::Worker {
        let takes = std::iter::once("`any`".to_owned()).chain(labels.iter().map(|label| format!("`label:{label}`")));
        let takes = takes.collect::<Vec<_>>().join(", ");
        say(&format!("nomaflow {version} is a worker: takes up runs placed {takes}, {room} at once, of {store}"))?;
    }
    let Some(url) = url else { return say("it opens no port; name one with --listen") };
    if role == Role::Server {
        say(&format!("nomaflow {version} is listening on {url}"))?;
    } else {
        say(&format!("it is listening on {url}"))?;
    }
    if let Some(password) = first_password {
        say("this is the first start: sign in as `admin` with the one-time password below, and change it")?;
        say(&format!("one-time password: {password}"))?;
        say(&format!("or choose its password here: {}", setup_link(settings, url, password)))?;
    }
    let token = home.path().join("data/bootstrap.token");
    say(&format!("on this machine the token in {} opens everything (cat it, paste it)", token.display()))
}

/// The link that brings the one-time password of the first account along. It works once, as that password does.
fn setup_link(settings: &Settings, url: &str, password: &str) -> String {
    let base = settings.public_url.value.as_deref().unwrap_or(url).trim_end_matches('/');
    format!("{base}/auth/setup?user=admin&code={password}")
}

/// Which store, without its user and password.
fn store_text(address: &PoolAddress) -> String {
    match address {
        PoolAddress::Sqlite { path } => format!("the SQLite file {}", path.display()),
        PoolAddress::Postgres { url, .. } => match reqwest::Url::parse(url.reveal()) {
            Ok(url) => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("PostgreSQL at {}{port}{}", url.host_str().unwrap_or("localhost"), url.path())
            }
            Err(_) => "PostgreSQL".to_owned(),
        },
        other => other.dialect().as_str().to_owned(),
    }
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
