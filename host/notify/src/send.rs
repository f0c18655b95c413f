//! One attempt to send one message: fills the transport's texts in, makes the payload, sends it, and says what was done.
//! Invariant: what it says holds no secret, whatever the other side answers.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Moment};

use host_model::connector::Hidden;
use host_model::notify::delivery::Delivery;
use host_model::notify::transport::{Target, Transport, TransportSpec};
use host_model::{Instant, Json};
use reqwest::Client;

use crate::SecretKeeper;
use crate::body::Filled;
use crate::book::Entry;
use crate::http::{self, Post};
use crate::mail::{self, Server};
use crate::message::Message;
use crate::{body, payload};

/// Shortest text that is looked for when secrets are taken out of an answer; shorter ones are in any answer.
const SHORTEST_SECRET: usize = 4;

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) why: String,
    pub(crate) may_retry: bool,
    /// When the other side wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// One that another attempt may mend.
    pub(crate) fn again(why: String) -> Self {
        Self { why, may_retry: true, retry_after: None }
    }

    /// One that no attempt will mend.
    pub(crate) fn last(why: String) -> Self {
        Self { why, may_retry: false, retry_after: None }
    }
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) struct Report {
    /// What the other side answered.
    pub(crate) result: Result<String, Failure>,
    pub(crate) duration_ms: u32,
    /// What was done, line by line.
    pub(crate) trace: Vec<String>,
}

/// Sends messages.
pub(crate) struct Sender {
    client: Result<Client, String>,
    home: PathBuf,
    public_url: Option<String>,
    /// Tells messages of this store from those of another.
    instance: String,
}

impl Sender {
    pub(crate) fn new(home: &Path, public_url: Option<String>) -> Self {
        let mut bytes = [0; 8];
        // Without randomness ids are alike in all processes, which only mail readers that fold doubles would notice.
        let _ = getrandom::fill(&mut bytes);
        Self { client: http::client(None), home: home.to_owned(), public_url, instance: hex::encode(bytes) }
    }

    /// Makes one attempt.
    pub(crate) async fn send(
        &self,
        entry: &Entry,
        delivery: &Delivery,
        keeper: &dyn SecretKeeper,
        now: Instant,
    ) -> Report {
        let began = Moment::now();
        let mut trace = Vec::new();
        let mut secrets = Vec::new();
        let result = match fill(entry, keeper, &mut secrets) {
            Ok(filled) => match filled.read() {
                Ok(spec) => self.within(&spec, delivery, now, &mut trace).await,
                Err(problems) => {
                    let told: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
                    Err(Failure::last(format!("the transport is not set up: {}", told.join("; "))))
                }
            },
            Err(why) => Err(Failure::again(why)),
        };
        let duration_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let hide = |text: String| hide(text, &secrets);
        let result = result.map(hide).map_err(|failure| Failure { why: hide(failure.why), ..failure });
        match &result {
            Ok(answer) => trace.push(format!("answered after {duration_ms} ms: {answer}")),
            Err(failure) => trace.push(format!("failed after {duration_ms} ms: {}", failure.why)),
        }
        let trace = trace.into_iter().map(|line| self::hide(line, &secrets)).collect();
        Report { result, duration_ms, trace }
    }

    async fn within(
        &self,
        spec: &TransportSpec,
        delivery: &Delivery,
        now: Instant,
        trace: &mut Vec<String>,
    ) -> Result<String, Failure> {
        let timeout = Duration::from_secs(spec.timeout_seconds.into());
        let attempt = self.attempt(spec, delivery, now, trace);
        let late = || Failure::again(format!("no answer within {} s", spec.timeout_seconds));
        tokio::time::timeout(timeout, attempt).await.unwrap_or_else(|_| Err(late()))
    }

    async fn attempt(
        &self,
        spec: &TransportSpec,
        delivery: &Delivery,
        now: Instant,
        trace: &mut Vec<String>,
    ) -> Result<String, Failure> {
        let message = Message::new(delivery, self.public_url.as_deref());
        let to = Some(delivery.recipient.as_str()).filter(|to| !to.is_empty()).or(spec.to.as_deref());
        let ca_file = spec.ca_file.as_ref().map(|path| self.home.join(path));
        let json = |url: &Hidden, body: &Json| Post {
            url: url.reveal().to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string(),
        };
        let post = match &spec.target {
            Target::Smtp { host, port, tls, user, password, from } => {
                let to =
                    to.ok_or_else(|| Failure::last("the transport has no `to`, and nobody is named".to_owned()))?;
                trace.push(format!("mail to {to} over {host}:{port}, TLS {}", tls.as_str()));
                let server = Server {
                    host,
                    port: *port,
                    tls: *tls,
                    user: user.as_deref(),
                    password: password.as_ref(),
                    from,
                    ca_file: ca_file.as_deref(),
                    timeout: Duration::from_secs(spec.timeout_seconds.into()),
                };
                let id = format!("{}.{}.nomaflow", delivery.resend_of.unwrap_or(delivery.id), self.stamp(delivery));
                return mail::send(&server, to, &id, &message).await;
            }
            Target::Slack { webhook_url, username, icon } => {
                trace.push(format!("POST to Slack, channel {}", to.unwrap_or("of the webhook")));
                json(webhook_url, &payload::slack(&message, username, icon, to))
            }
            Target::Teams { webhook_url } => {
                trace.push("POST to Teams".to_owned());
                json(webhook_url, &payload::teams(&message))
            }
            Target::Webhook { .. } => {
                trace.push("POST to the webhook".to_owned());
                self.webhook(&spec.target, delivery, &message, now)?
            }
        };
        let own;
        let client = match (&ca_file, &self.client) {
            (Some(path), _) => {
                own = http::client(Some(path)).map_err(Failure::again)?;
                &own
            }
            (None, Ok(client)) => client,
            (None, Err(why)) => return Err(Failure::again(why.clone())),
        };
        http::post(client, &post, now).await
    }

    /// Part of a mail's id: the same in each attempt at a delivery, wherever it is made.
    fn stamp(&self, delivery: &Delivery) -> String {
        if delivery.id == 0 {
            return self.instance.clone();
        }
        format!("{:x}", delivery.created_at.timestamp_millis())
    }

    fn webhook(&self, target: &Target, delivery: &Delivery, message: &Message, now: Instant) -> Result<Post, Failure> {
        let Target::Webhook { url, headers, authorization, signing_key, body } = target else {
            return Err(Failure::last("this is no webhook".to_owned()));
        };
        let public_url = self.public_url.as_deref();
        let Filled { text: body, is_json } = body::of_webhook(body.as_ref(), delivery, message, public_url)
            .map_err(|fault| Failure::last(fault.to_string()))?;
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        let mut all = vec![
            ("content-type".to_owned(), kind.to_owned()),
            ("x-nomaflow-event".to_owned(), delivery.main_event().as_str().to_owned()),
            ("x-nomaflow-delivery".to_owned(), delivery.id.to_string()),
        ];
        all.extend(headers.iter().cloned());
        all.extend(authorization.as_ref().map(|value| ("authorization".to_owned(), value.reveal().to_owned())));
        if let Some(key) = signing_key {
            let signature = payload::signature(key.reveal(), now.timestamp(), &body);
            all.push(("x-nomaflow-signature".to_owned(), signature));
        }
        Ok(Post { url: url.clone(), headers: all, body })
    }
}

/// The transport with its references filled in. What they stood for goes into `secrets`, with the secrets themselves. What
/// the store keeps sealed is taken as it is; a body has words of its own.
fn fill(entry: &Entry, keeper: &dyn SecretKeeper, secrets: &mut Vec<String>) -> Result<Transport, String> {
    let mut filled = entry.transport.clone();
    for (key, value) in filled.settings.iter_mut().filter(|(key, _)| key.as_str() != "body") {
        fill_json(value, keeper, secrets).map_err(|why| format!("`{key}` cannot be filled in: {why}"))?;
    }
    for (field, value) in &mut filled.secrets {
        if entry.is_from_file {
            let text = keeper.fill(value.reveal()).map_err(|why| format!("`{field}` cannot be filled in: {why}"))?;
            *value = Hidden::new(text);
        }
        secrets.push(value.reveal().to_owned());
    }
    Ok(filled)
}

fn fill_json(value: &mut Json, keeper: &dyn SecretKeeper, secrets: &mut Vec<String>) -> Result<(), String> {
    match value {
        Json::String(text) => {
            let filled = keeper.fill(text)?;
            if filled != *text {
                secrets.push(filled.clone());
                *text = filled;
            }
        }
        Json::Object(map) => map.values_mut().try_for_each(|value| fill_json(value, keeper, secrets))?,
        Json::Array(items) => items.iter_mut().try_for_each(|value| fill_json(value, keeper, secrets))?,
        _ => {}
    }
    Ok(())
}

fn hide(mut text: String, secrets: &[String]) -> String {
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        text = text.replace(secret.as_str(), "•••");
    }
    text
}
