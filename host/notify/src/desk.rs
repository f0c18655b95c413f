//! The port's `NotificationDesk`, on any process of the store: settings are written to the store, where the sender finds
//! them; a test is sent from here and recorded.

use async_trait::async_trait;
use chrono::SubsecRound as _;
use host_model::connector::Hidden;
use host_model::notify::delivery::{Attempt, Delivery, DeliveryFilter, DeliveryStatus, NewDelivery};
use host_model::notify::desk::{
    DeskError, NotificationDesk, Preview, RouteList, SecretState, SecretWish, Simulated, TestResult, TransportCard,
    TransportWish,
};
use host_model::notify::mute::{Mute, MuteKind};
use host_model::notify::route::{check_recipient, read_routes};
use host_model::notify::store::{StoredTransport, secret_name};
use host_model::notify::transport::{Transport, is_transport_name};
use host_model::notify::{EventKind, Notice, Problem};
use host_model::secret::SealedSecret;
use host_model::{Instant, JobId, Json, JsonMap, Run};

use crate::book::{Book, Entry, stored_routes};
use crate::judge::judge;
use crate::notifier::Notifier;

fn invalid(path: &[&str], why: impl Into<String>) -> DeskError {
    DeskError::Invalid(vec![Problem::new(path, why)])
}

/// A transport as it would be.
struct Wanted {
    transport: Transport,
    put: Vec<(String, Hidden)>,
    gone: Vec<String>,
}

/// Lays `wish` over what there is; checks everything.
fn lay_over(name: &str, wish: &TransportWish, before: Option<&Entry>) -> Result<Wanted, DeskError> {
    // What was sealed for another kind is not for this one.
    let before = before.map(|entry| &entry.transport).filter(|transport| transport.kind == wish.kind);
    let mut secrets = before.map(|transport| transport.secrets.clone()).unwrap_or_default();
    let (mut put, mut gone, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (field, wish_of_field) in &wish.secrets {
        if !wish.kind.secret_fields().contains(&field.as_str()) {
            let why = format!("a transport of kind `{}` has no secret `{field}`", wish.kind.as_str());
            problems.push(Problem::new(&["secrets", field], why));
            continue;
        }
        match wish_of_field {
            SecretWish::Keep => {}
            SecretWish::Set(text) => {
                secrets.insert(field.clone(), text.clone());
                put.push((field.clone(), text.clone()));
            }
            SecretWish::Clear => {
                secrets.remove(field);
                gone.push(field.clone());
            }
        }
    }
    let transport = Transport {
        name: name.to_owned(),
        kind: wish.kind,
        enabled: wish.enabled,
        settings: wish.settings.clone(),
        secrets,
    };
    if let Err(found) = transport.read() {
        problems.extend(found.into_iter().map(|problem| {
            let is_secret = problem.path.first().is_some_and(|key| wish.kind.secret_fields().contains(&key.as_str()));
            let place = if is_secret { "secrets" } else { "settings" };
            Problem { path: std::iter::once(place.to_owned()).chain(problem.path).collect(), ..problem }
        }));
    }
    if problems.is_empty() { Ok(Wanted { transport, put, gone }) } else { Err(DeskError::Invalid(problems)) }
}

fn check_name(name: &str) -> Result<(), DeskError> {
    if is_transport_name(name) {
        return Ok(());
    }
    let rule = "1 to 64 letters, digits, `-` and `_`, and not `test`";
    Err(invalid(&["name"], format!("`{name}` is no name of a transport: {rule}")))
}

impl Notifier {
    /// Milliseconds are what the store keeps.
    pub(crate) fn now(&self) -> Instant {
        self.shared.parts.clock.now().trunc_subsecs(3)
    }

    async fn cards(&self, book: &Book) -> Result<Vec<TransportCard>, DeskError> {
        let parts = &self.shared.parts;
        let sealed = parts.store.list_transport_secrets().await?;
        let mut last = parts.store.list_last_deliveries().await?;
        let card = |entry: &Entry| {
            let transport = &entry.transport;
            let secret = |field: &&str| {
                let sealed = sealed.iter().find(|secret| secret.name == secret_name(&transport.name, field));
                let sealed = sealed.filter(|_| !entry.is_from_file);
                SecretState {
                    field: (*field).to_owned(),
                    is_set: transport.secrets.contains_key(*field) || sealed.is_some(),
                    changed: sealed.map(|secret| (secret.updated_at, secret.updated_by.clone())),
                }
            };
            TransportCard {
                name: transport.name.clone(),
                kind: transport.kind,
                enabled: transport.enabled,
                is_from_file: entry.is_from_file,
                settings: transport.settings.clone(),
                secrets: transport.kind.secret_fields().iter().map(secret).collect(),
                last: last.remove(&transport.name),
            }
        };
        Ok(book.entries.iter().map(card).collect())
    }

    /// The transport `name`, or what it would be with `wish`.
    fn entry_as(&self, name: &str, wish: Option<TransportWish>, book: &Book) -> Result<Entry, DeskError> {
        let before = book.entry(name);
        match wish {
            None => before.cloned().ok_or_else(|| DeskError::NotFound(format!("there is no transport `{name}`"))),
            Some(wish) => {
                let stored = before.filter(|entry| !entry.is_from_file);
                Ok(Entry { transport: lay_over(name, &wish, stored)?.transport, is_from_file: false })
            }
        }
    }

    fn test_notice(&self) -> Result<Notice, DeskError> {
        let job_id = JobId::new("test").map_err(|error| invalid(&[], error.to_string()))?;
        let text = "this is a test of a transport; nothing has happened".to_owned();
        let (tags, facts) = (Vec::new(), JsonMap::new());
        Ok(Notice { kind: EventKind::Test, job_id, tags, at: self.now(), run_id: None, text, facts })
    }
}

#[async_trait]
impl NotificationDesk for Notifier {
    fn public_url(&self) -> Option<String> {
        self.shared.parts.settings.public_url.clone()
    }

    async fn list_transports(&self) -> Result<Vec<TransportCard>, DeskError> {
        let book = self.shared.read_book().await?;
        self.cards(&book).await
    }

    async fn put_transport(&self, name: &str, wish: TransportWish, by: &str) -> Result<TransportCard, DeskError> {
        check_name(name)?;
        let book = self.shared.read_book().await?;
        let before = book.entry(name);
        if before.is_some_and(|entry| entry.is_from_file) {
            return Err(DeskError::FromFile(name.to_owned()));
        }
        let Wanted { transport, put, gone } = lay_over(name, &wish, before)?;
        let (parts, now) = (&self.shared.parts, self.now());
        let mut sealed = Vec::new();
        for (field, text) in put {
            let name = secret_name(name, &field);
            let closed = parts.keeper.seal(&name, text.reveal()).map_err(DeskError::Sealed)?;
            sealed.push(SealedSecret { name, sealed: closed, updated_at: now, updated_by: by.to_owned() });
        }
        let mut gone: Vec<String> = gone.iter().map(|field| secret_name(name, field)).collect();
        // Of another kind than before: what was secret then is of no use now.
        if let Some(entry) = before.filter(|entry| entry.transport.kind != wish.kind) {
            let old = entry.transport.kind.secret_fields().iter().map(|field| secret_name(name, field));
            gone.extend(old.filter(|old| !sealed.iter().any(|secret| secret.name == *old)));
        }
        let stored = StoredTransport {
            name: name.to_owned(),
            kind: transport.kind,
            enabled: transport.enabled,
            settings: transport.settings,
            updated_at: now,
            updated_by: by.to_owned(),
        };
        parts.store.put_transport(&stored, &sealed, &gone).await?;
        tracing::info!(by, transport = name, "notification transport set");
        let book = self.shared.read_book().await?;
        self.shared.changed.notify_one();
        let card = self.cards(&book).await?.into_iter().find(|card| card.name == name);
        card.ok_or_else(|| DeskError::NotFound(format!("the transport `{name}` was deleted meanwhile")))
    }

    async fn delete_transport(&self, name: &str) -> Result<(), DeskError> {
        if self.shared.read_book().await?.entry(name).is_some_and(|entry| entry.is_from_file) {
            return Err(DeskError::FromFile(name.to_owned()));
        }
        if !self.shared.parts.store.delete_transport(name).await? {
            return Err(DeskError::NotFound(format!("there is no transport `{name}`")));
        }
        self.shared.read_book().await?;
        self.shared.changed.notify_one();
        Ok(())
    }

    async fn test(
        &self,
        name: &str,
        wish: Option<TransportWish>,
        to: Option<&str>,
        by: &str,
    ) -> Result<TestResult, DeskError> {
        if let Some(Err(why)) = to.map(check_recipient) {
            return Err(invalid(&["to"], why));
        }
        let book = self.shared.read_book().await?;
        let is_kept = wish.is_none();
        let entry = self.entry_as(name, wish, &book)?;
        let (parts, at, notice) = (&self.shared.parts, self.now(), self.test_notice()?);
        let recipient = to.unwrap_or_default().to_owned();
        let delivery = Delivery {
            id: 0,
            created_at: at,
            transport: name.to_owned(),
            recipient: recipient.clone(),
            route: None,
            notices: vec![notice.clone()],
            n_notices: 1,
            status: DeliveryStatus::Sending,
            due_at: at,
            attempts: 0,
            finished_at: None,
            error: None,
            resend_of: None,
            requested_by: Some(by.to_owned()),
        };
        let report = self.shared.sender.send(&entry, &delivery, &*parts.keeper, at).await;
        let (is_sent, answer) = match report.result {
            Ok(answer) => (true, answer),
            Err(failure) => (false, failure.why),
        };
        let record = if is_kept {
            let new = NewDelivery {
                transport: name.to_owned(),
                recipient,
                route: None,
                group: None,
                due_at: at,
                failure: None,
                notice,
                resend_of: None,
                requested_by: Some(by.to_owned()),
            };
            let duration_ms = report.duration_ms;
            let attempt = Attempt { number: 1, at, duration_ms, is_sent, answer: answer.clone() };
            Some(parts.store.record_delivery(&new, &attempt).await?)
        } else {
            None
        };
        Ok(TestResult { is_sent, answer, duration_ms: report.duration_ms, trace: report.trace, delivery: record })
    }

    async fn preview(
        &self,
        name: &str,
        wish: Option<TransportWish>,
        event: Option<EventKind>,
        run: Option<&Run>,
    ) -> Result<Preview, DeskError> {
        let entry = self.entry_as(name, wish, &*self.shared.read_book().await?)?;
        self.draw(&entry, event, run).await
    }

    async fn list_routes(&self) -> Result<RouteList, DeskError> {
        let parts = &self.shared.parts;
        let stored = parts.store.find_routes().await?;
        Ok(RouteList {
            from_file: parts.settings.routes.clone(),
            stored: stored_routes(&stored, parts.settings.zone),
            version: stored.version,
            changed: stored.updated_at.zip(stored.updated_by),
        })
    }

    async fn put_routes(&self, version: i64, routes: &[Json], by: &str) -> Result<RouteList, DeskError> {
        let parts = &self.shared.parts;
        let read = read_routes(routes, parts.settings.zone).map_err(DeskError::Invalid)?;
        // As they are understood, with the zone that counts now.
        let written: Vec<Json> = read.iter().map(|route| route.to_json()).collect();
        if parts.store.put_routes(version, &written, self.now(), by).await?.is_none() {
            return Err(DeskError::Stale(parts.store.find_routes().await?.version));
        }
        tracing::info!(by, routes = written.len(), "notification routes set");
        self.shared.changed.notify_one();
        self.list_routes().await
    }

    async fn simulate(
        &self,
        job: &str,
        tags: Option<Vec<String>>,
        event: EventKind,
    ) -> Result<Vec<Simulated>, DeskError> {
        let book = self.shared.read_book().await?;
        let jobs = (self.shared.parts.jobs)();
        let job_id = JobId::new(job).map_err(|error| invalid(&["job"], error.to_string()))?;
        let known = jobs.get(&job_id);
        let tags = tags.unwrap_or_else(|| known.map(|job| job.tags.clone()).unwrap_or_default());
        let (at, text, facts) = (self.now(), String::new(), JsonMap::new());
        let notice = Notice { kind: event, job_id, tags, at, run_id: None, text, facts };
        let told = judge(&notice, known.and_then(|job| job.alerts.as_ref()), &book);
        let simulated = told.into_iter().map(|told| Simulated {
            transport: told.transport,
            recipient: told.recipient,
            route: told.route,
            hold_until: told.hold_until,
            group_seconds: told.group_seconds,
            failure: told.failure,
            muted_until: told.muted.map(|mute| mute.until),
        });
        Ok(simulated.collect())
    }

    async fn list_mutes(&self) -> Result<Vec<Mute>, DeskError> {
        Ok(self.shared.parts.mutes.list_mutes(self.now()).await?)
    }

    async fn mute(
        &self,
        kind: MuteKind,
        name: &str,
        until: Instant,
        reason: &str,
        by: &str,
    ) -> Result<Mute, DeskError> {
        Self::mute(self, kind, name, until, reason, by).await
    }

    async fn unmute(&self, kind: MuteKind, name: &str) -> Result<(), DeskError> {
        Self::unmute(self, kind, name).await
    }

    async fn list_deliveries(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, DeskError> {
        Ok(self.shared.parts.store.list_deliveries(filter).await?)
    }

    async fn find_delivery(&self, id: i64) -> Result<(Delivery, Vec<Attempt>), DeskError> {
        let filter = DeliveryFilter { before: Some(id.saturating_add(1)), limit: 1, ..DeliveryFilter::default() };
        let found = self.shared.parts.store.list_deliveries(&filter).await?.pop();
        let Some(delivery) = found.filter(|delivery| delivery.id == id) else {
            return Err(DeskError::NotFound(format!("there is no delivery {id}")));
        };
        Ok((delivery, self.shared.parts.store.list_attempts(id).await?))
    }

    async fn resend(&self, id: i64, by: &str) -> Result<i64, DeskError> {
        let (delivery, _) = self.find_delivery(id).await?;
        if delivery.transport.is_empty() {
            return Err(invalid(&[], format!("delivery {id} never had a transport: its recipient leads nowhere")));
        }
        match self.shared.parts.store.resend(id, by, self.now()).await? {
            Some(new) => {
                self.shared.rung.notify_one();
                Ok(new)
            }
            None => Err(invalid(&[], format!("delivery {id} is {}; it is on its way", delivery.status.as_str()))),
        }
    }
}
