//! How commands talk to the API: over HTTP to a server, or to the same router inside this process (`--local`). One
//! path, one set of answers, so that a command cannot behave differently.

use std::net::IpAddr;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};
use host_api::server::LocalClient;
use host_model::Json;

use crate::cli::Global;
use crate::credentials;
use crate::exit::{Exit, Failure};
use crate::home::{ClientSettings, Home};

const CONNECT: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is gone; a live stream has a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(60);

/// The client of a command.
pub(crate) enum Client {
    /// A server elsewhere or on this machine.
    Remote(Remote),
    /// This process.
    Local(Box<crate::assemble::LocalHouse>),
}

pub(crate) struct Remote {
    http: reqwest::Client,
    base: RwLock<String>,
    /// Whose note of the address counts; none when somebody named the server.
    home: Option<Home>,
    token: Option<String>,
}

/// The user named in run rows as `cli:<user>`.
pub(crate) fn shell_user() -> String {
    let named =
        ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    named.or_else(account_name).unwrap_or_else(|| "unknown".to_owned())
}

/// The account of this process by the machine's own list, where no variable names it (services, containers).
fn account_name() -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    // name:password:id:… (passwd(5))
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    fields.into_iter().find(|f| f.get(2) == Some(&id.as_str())).and_then(|f| f.first().map(|n| (*n).to_owned()))
}

/// The header by which a run is recorded as started from a shell.
pub(crate) fn client_header() -> (&'static str, String) {
    ("nomaflow-client", format!("cli/{}", shell_user()))
}

impl Client {
    /// The client the flags ask for.
    pub(crate) async fn open(global: &Global) -> Result<Self, Failure> {
        let home = Home::new(&global.home);
        if global.local {
            return Ok(Self::Local(Box::new(crate::assemble::local(&home).await?)));
        }
        let settings = home.settings_for_client(None);
        let base = match (&global.server, home.read_server_address()) {
            (Some(url), _) => url.trim_end_matches('/').to_owned(),
            (None, Some(url)) => url,
            (None, None) => format!("http://{}", settings.listen),
        };
        let token = std::env::var("NOMAFLOW_TOKEN").ok();
        // The sign-in of this machine before the token of the home: it is somebody's.
        let token = token.or_else(|| credentials::find(&base));
        let may_have_it = global.server.is_none() || is_of_this_home(&base, &settings);
        let token = token.or_else(|| home.read_token().filter(|_| may_have_it));
        // Proxies of the environment are for the world outside, not for our own server.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).read_timeout(SILENCE);
        let http = http.build().context("the HTTP client cannot start")?;
        let noted = global.server.is_none().then_some(home);
        Ok(Self::Remote(Remote { http, base: RwLock::new(base), home: noted, token }))
    }

    /// Calls with this token from now on; `None`: with none. A local client keeps its own.
    pub(crate) fn set_token(&mut self, token: Option<String>) {
        if let Self::Remote(remote) = self {
            remote.token = token;
        }
    }

    /// The address of the server.
    pub(crate) fn base(&self) -> Option<String> {
        match self {
            Self::Remote(remote) => Some(remote.base()),
            Self::Local(_) => None,
        }
    }

    /// Looks where the server of the home listens now: one that was started again may have another port.
    pub(crate) fn look_again(&self) {
        if let Self::Remote(remote) = self
            && let Some(url) = remote.home.as_ref().and_then(Home::read_server_address)
        {
            *remote.base.write().unwrap_or_else(PoisonError::into_inner) = url;
        }
    }

    /// One call; answers of 2xx only.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Json>) -> Result<Json, Failure> {
        self.call_with(method, path, body, &[]).await
    }

    /// [`Client::call`] with more headers.
    pub(crate) async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Result<Json, Failure> {
        let (status, json) = match self {
            Self::Remote(remote) => remote.call(method, path, body, headers).await?,
            Self::Local(house) => {
                let answer = house.client.call_with(method, path, body, headers).await;
                answer.context("the local call failed")?
            }
        };
        if (200..300).contains(&status) { Ok(json) } else { Err(problem(status, &json)) }
    }

    /// Sends a file; answers of 2xx only.
    pub(crate) async fn upload(&self, method: &str, path: &str, kind: &str, file: Vec<u8>) -> Result<Json, Failure> {
        let (status, json) = match self {
            Self::Remote(remote) => {
                let builder = remote.request(method, path)?.header("content-type", kind).body(file);
                remote.answer(builder).await?
            }
            Self::Local(house) => {
                let answer = house.client.upload(method, path, kind, file).await;
                answer.context("the local call failed")?
            }
        };
        if (200..300).contains(&status) { Ok(json) } else { Err(problem(status, &json)) }
    }

    /// The event stream of one run.
    pub(crate) async fn events(&self, run: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>, Failure> {
        self.stream(&format!("/admin/events?run={}", escape(run))).await
    }

    /// The bytes of an answer, as they come.
    pub(crate) async fn stream(&self, path: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>, Failure> {
        match self {
            Self::Remote(remote) => {
                let response = remote.request("GET", path)?.send().await.map_err(|e| remote.unreachable(&e))?;
                let status = response.status();
                if !status.is_success() {
                    let text = response.text().await.unwrap_or_default();
                    return Err(problem(status.as_u16(), &serde_json::from_str(&text).unwrap_or_default()));
                }
                Ok(response.bytes_stream().map(|chunk| chunk.map_err(std::io::Error::other)).boxed())
            }
            Self::Local(house) => stream(&house.client, path).await,
        }
    }

    /// Ends a local house: waits for its log lines and closes the store.
    pub(crate) async fn close(self) {
        if let Self::Local(house) = self {
            house.close().await;
        }
    }
}

async fn stream(client: &LocalClient, path: &str) -> Result<BoxStream<'static, std::io::Result<Bytes>>, Failure> {
    Ok(client.stream(path).await.context("the local server failed")?.boxed())
}

impl Remote {
    fn base(&self) -> String {
        self.base.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn request(&self, method: &str, path: &str) -> Result<reqwest::RequestBuilder, Failure> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).context("a method")?;
        let (name, value) = client_header();
        let builder = self.http.request(method, format!("{}{path}", self.base())).header(name, value);
        Ok(match &self.token {
            Some(token) => builder.bearer_auth(token),
            None => builder,
        })
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        headers: &[(&str, &str)],
    ) -> Result<(u16, Json), Failure> {
        let mut builder = self.request(method, path)?;
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        if let Some(body) = body {
            builder = builder.json(body);
        }
        self.answer(builder).await
    }

    async fn answer(&self, builder: reqwest::RequestBuilder) -> Result<(u16, Json), Failure> {
        let response = builder.send().await.map_err(|e| self.unreachable(&e))?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|e| self.unreachable(&e))?;
        let json = serde_json::from_str(&text).map_err(|_| {
            Failure::new(Exit::Unreachable, format!("`{}` answered something that is not nomaflow's API", self.base()))
        })?;
        Ok((status, json))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Failure::new(Exit::Unreachable, format!("the server at {} cannot be reached: {cause}", self.base()))
            .hint("start it with `nomaflow serve`, name another with --server, or use --local to work in this process")
    }
}

/// Whether the token of the home may go to a server that somebody named. It opens everything, so only this machine and the
/// addresses in the settings of the home get it.
fn is_of_this_home(base: &str, settings: &ClientSettings) -> bool {
    let is_named = base == format!("http://{}", settings.listen)
        || settings.public_url.as_deref().is_some_and(|url| url.trim_end_matches('/') == base);
    let is_loopback = reqwest::Url::parse(base).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    is_named || is_loopback
}

/// Text of the command line as one segment or value of an address.
pub(crate) fn escape(text: &str) -> impl std::fmt::Display + '_ {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

/// A problem document (RFC 9457) that the server answered with, kept whole for whoever reads JSON.
#[derive(Debug)]
pub(crate) struct Problem {
    message: String,
    pub(crate) document: Json,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// An RFC 9457 problem as a failure of the command.
fn problem(status: u16, json: &Json) -> Failure {
    let text = |key: &str| json.get(key).and_then(Json::as_str).unwrap_or_default();
    let kind = text("type").rsplit(':').next().unwrap_or_default();
    let exit = match (status, kind) {
        (401 | 403 | 429, _) => Exit::Denied,
        (404, _) => Exit::NotFound,
        (422, "job-invalid" | "import-invalid" | "plugin-invalid" | "connector-invalid") => Exit::Invalid,
        (422, _) => Exit::Usage,
        (503, _) => Exit::Unreachable,
        _ => Exit::RunFailed,
    };
    let detail = match text("detail") {
        "" => format!("the server answered {status}"),
        detail => detail.to_owned(),
    };
    let (more, advice) = findings(&detail, json.get("problems").and_then(Json::as_array).map_or(&[], Vec::as_slice));
    let document = json.clone();
    let failure =
        Failure { exit, error: anyhow::Error::new(Problem { message: detail + &more, document }), hint: None };
    match (status, text("hint")) {
        (401, _) if kind == "sign-in-required" => failure
            .hint("sign in with `nomaflow login`, give --home of the server's home directory, or set NOMAFLOW_TOKEN"),
        (_, "") => advice.into_iter().fold(failure, Failure::hint),
        (_, hint) => failure.hint(hint),
    }
}

/// The findings below a problem's first line, each with its place; or, when that line says the only one already, just its
/// advice.
fn findings(detail: &str, all: &[Json]) -> (String, Option<String>) {
    let mut more = String::new();
    for found in all {
        let part = |key: &str| found.get(key).and_then(Json::as_str).unwrap_or_default();
        let (message, hint) = (part("message"), part("hint"));
        let line = found["line"].as_u64().unwrap_or(0);
        let place = match (part("file"), line) {
            // Nothing but an address within what was sent.
            ("", _) if all.len() == 1 && detail.ends_with(message) => {
                return (more, (!hint.is_empty()).then(|| hint.to_owned()));
            }
            ("", 0) => part("pointer").to_owned(),
            ("", _) => format!("{}:{line}:{}", part("pointer"), found["column"]),
            (file, 0) => file.to_owned(),
            (file, _) => format!("{file}:{line}:{}", found["column"]),
        };
        more += &format!("\n  {place}: {message}");
        if !hint.is_empty() {
            more += &format!("\n    help: {hint}");
        }
    }
    (more, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_home_goes_to_its_own_server_and_to_no_other() {
        let settings = ClientSettings {
            listen: "10.0.0.5:8000".parse().unwrap(),
            public_url: Some("https://jobs.example.org/".to_owned()),
        };
        for own in [
            "http://127.0.0.1:8000",
            "http://localhost:1",
            "http://[::1]:8000",
            "http://10.0.0.5:8000",
            "https://jobs.example.org",
        ] {
            assert!(is_of_this_home(own, &settings), "{own}");
        }
        for other in [
            "http://10.0.0.6:8000",
            "http://127.0.0.1.example.org",
            "http://localhost@example.org",
            "https://example.org/127.0.0.1",
            "nonsense",
        ] {
            assert!(!is_of_this_home(other, &settings), "{other}");
        }
    }
}
