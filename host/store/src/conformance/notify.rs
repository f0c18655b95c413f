//! Events, judgements, the outbox, transports and routes.

use std::sync::Arc;

use host_model::notify::delivery::{Attempt, DeliveryFilter, DeliveryStatus, NewDelivery, Then};
use host_model::notify::store::{Judgement, Mark, NotifyStore, StoredEvent, StoredTransport, secret_name};
use host_model::notify::transport::TransportKind;
use host_model::notify::{EventKind, Notice};
use host_model::port::{PrunePass, Store};
use host_model::replica::Held;
use host_model::secret::SealedSecret;
use host_model::transition::{Applied, RunChange};
use host_model::{JsonMap, RunId};

use super::{Bench, ME, at, job_id, map, took};

async fn open(bench: &Bench) -> (Arc<dyn Store>, Arc<dyn NotifyStore>) {
    let roles = crate::open_roles(&bench.url, &bench.home).await.unwrap();
    (roles.store, roles.notify)
}

async fn held(notify: &dyn NotifyStore, holder: &str) -> Held {
    let seen = notify.find_notify_lease().await.unwrap();
    let term = notify.take_notify_lease(holder, seen.as_ref(), at(1)).await.unwrap().unwrap();
    Held { holder: holder.to_owned(), term }
}

async fn events(notify: &dyn NotifyStore) -> Vec<(EventKind, RunId)> {
    notify.list_events(100).await.unwrap().into_iter().map(|event| (event.kind, event.run_id)).collect()
}

fn message(event: &StoredEvent, group: Option<&str>, due: i64) -> NewDelivery {
    NewDelivery {
        transport: "hook".to_owned(),
        recipient: "#ops".to_owned(),
        route: Some("all".to_owned()),
        group: group.map(str::to_owned),
        due_at: at(due),
        failure: None,
        notice: Notice {
            kind: event.kind,
            job_id: event.job_id.clone(),
            tags: vec!["etl".to_owned()],
            at: event.at,
            run_id: Some(event.run_id),
            text: "täglich 'quoted'".to_owned(),
            facts: JsonMap::new(),
        },
        resend_of: None,
        requested_by: None,
    }
}

/// Fails a run, and gives back its event.
async fn failure(bench: &Bench, store: &dyn Store, notify: &dyn NotifyStore) -> StoredEvent {
    let id = bench.running(store, "nightly").await.id;
    took(store, &[RunChange::fail(id, ME, at(50), "x".into()).into()]).await;
    notify.list_events(100).await.unwrap().into_iter().find(|event| event.run_id == id).unwrap()
}

async fn judged(bench: &Bench, store: &dyn Store, notify: &dyn NotifyStore, held: &Held, group: Option<&str>) {
    let event = failure(bench, store, notify).await;
    let deliveries = vec![message(&event, group, 100)];
    let judgement = Judgement { events: vec![event.seq], deliveries, ..Judgement::default() };
    assert!(notify.judge(held, &judgement, at(60)).await.unwrap());
}

pub(super) async fn an_event_is_written_with_the_change_it_tells_of(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let id = bench.running(&*store, "nightly").await.id;
    let stale = [RunChange::fail(id, ME, at(50), "x".into()).into(), RunChange::succeed(id, ME, at(51)).into()];
    assert!(matches!(store.apply(&stale).await.unwrap(), Applied::Stale { index: 1, .. }));
    assert!(events(&*notify).await.is_empty(), "what is undone was not");
    took(&*store, &[RunChange::abandon(id, ME, at(50)).into()]).await;
    let event = notify.list_events(10).await.unwrap().remove(0);
    assert_eq!((event.kind, event.run_id, event.job_id, event.at), (EventKind::Failed, id, job_id("nightly"), at(50)));
}

pub(super) async fn the_first_success_after_a_failure_is_a_recovery(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let mut ids = Vec::new();
    for is_good in [true, false, false, true, true] {
        let id = bench.running(&*store, "nightly").await.id;
        let change =
            if is_good { RunChange::succeed(id, ME, at(50)) } else { RunChange::fail(id, ME, at(50), "x".into()) };
        took(&*store, &[change.into()]).await;
        // Another job, and a run that was canceled or skipped, are none of its business.
        let other = bench.running(&*store, "other").await.id;
        took(&*store, &[RunChange::succeed(other, ME, at(50)).into()]).await;
        let canceled = bench.running(&*store, "nightly").await.id;
        store.record_fire(&bench.new_run("nightly")).await.unwrap();
        took(&*store, &[RunChange::cancel(canceled, ME, at(50), "x".into()).into()]).await;
        ids.push(id);
    }
    let expected = [(EventKind::Failed, ids[1]), (EventKind::Failed, ids[2]), (EventKind::Recovered, ids[3])];
    assert_eq!(events(&*notify).await, expected);
}

pub(super) async fn events_are_written_that_somebody_wants(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let all = [EventKind::Succeeded, EventKind::Canceled, EventKind::Skipped];
    for wanted in [&[][..], &all[..], &[EventKind::Skipped], &[]] {
        notify.want_events(wanted).await.unwrap();
        let before = events(&*notify).await.len();
        let first = bench.running(&*store, "nightly").await.id;
        store.record_fire(&bench.new_run("nightly")).await.unwrap();
        took(&*store, &[RunChange::succeed(first, ME, at(50)).into()]).await;
        let second = bench.running(&*store, "nightly").await.id;
        took(&*store, &[RunChange::cancel(second, ME, at(50), "x".into()).into()]).await;
        assert_eq!(events(&*notify).await.len() - before, wanted.len(), "{wanted:?}");
    }
}

pub(super) async fn a_judgement_takes_once_and_only_under_the_lease(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let first = held(&*notify, "a").await;
    let event = failure(bench, &*store, &*notify).await;
    let mark = Mark { name: "long-run:x".to_owned(), at: at(7) };
    let judgement = Judgement {
        events: vec![event.seq],
        deliveries: vec![message(&event, None, 100)],
        marks: vec![mark.clone()],
        unmarked: Vec::new(),
    };
    let second = held(&*notify, "b").await;
    assert!(!notify.judge(&first, &judgement, at(60)).await.unwrap(), "the lease is another's");
    assert!(notify.list_marks().await.unwrap().is_empty() && events(&*notify).await.len() == 1);
    assert!(notify.judge(&second, &judgement, at(60)).await.unwrap());
    assert!(!notify.judge(&second, &judgement, at(60)).await.unwrap(), "it was judged already");
    assert!(events(&*notify).await.is_empty());
    assert_eq!(notify.list_marks().await.unwrap(), [mark]);
    let all = notify.list_deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!((all.len(), all[0].notices[0].clone()), (1, message(&event, None, 100).notice));
    let over = Judgement { unmarked: vec!["long-run:x".to_owned()], ..Judgement::default() };
    assert!(notify.judge(&second, &over, at(61)).await.unwrap());
    assert!(notify.list_marks().await.unwrap().is_empty());
    assert!(notify.release_notify_lease(&second).await.unwrap());
    assert!(!notify.keep_notify_lease(&second, at(70)).await.unwrap());
}

pub(super) async fn messages_of_a_group_join_until_they_are_taken(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let held = held(&*notify, "a").await;
    for group in [Some("g"), Some("g"), Some("h"), None, Some("g")] {
        judged(bench, &*store, &*notify, &held, group).await;
    }
    assert_eq!(notify.next_due().await.unwrap(), Some(at(100)));
    assert!(notify.take_due(&held, at(99), 10, &[]).await.unwrap().is_empty());
    assert!(notify.take_due(&held, at(100), 10, &["hook".to_owned()]).await.unwrap().is_empty());
    let taken = notify.take_due(&held, at(100), 1, &[]).await.unwrap();
    assert_eq!((taken.len(), taken[0].n_notices, taken[0].notices.len()), (1, 3, 3));
    judged(bench, &*store, &*notify, &held, Some("g")).await;
    let rest = notify.take_due(&held, at(100), 10, &[]).await.unwrap();
    assert_eq!(rest.iter().map(|one| one.n_notices).collect::<Vec<_>>(), [1, 1, 1]);
}

pub(super) async fn a_delivery_comes_back_when_its_holder_is_lost(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let first = held(&*notify, "a").await;
    judged(bench, &*store, &*notify, &first, None).await;
    let id = notify.take_due(&first, at(100), 10, &[]).await.unwrap()[0].id;
    let second = held(&*notify, "b").await;
    let attempt = |number, is_sent| Attempt { number, at: at(110), duration_ms: 7, is_sent, answer: "said".to_owned() };
    assert!(!notify.record_attempt(&first, id, &attempt(1, true), Then::Sent).await.unwrap());
    assert!(notify.take_due(&first, at(100), 10, &[]).await.unwrap().is_empty());
    assert_eq!(notify.take_due(&second, at(100), 10, &[]).await.unwrap()[0].id, id);
    assert!(notify.record_attempt(&second, id, &attempt(1, false), Then::Retry(at(200))).await.unwrap());
    assert!(notify.take_due(&second, at(199), 10, &[]).await.unwrap().is_empty());
    assert_eq!(notify.resend(id, "cli:ann", at(199)).await.unwrap(), None, "it is on its way");
    let again = notify.take_due(&second, at(200), 10, &[]).await.unwrap().remove(0);
    assert_eq!((again.attempts, again.error.as_deref()), (1, Some("said")));
    assert!(notify.record_attempt(&second, id, &attempt(2, true), Then::Sent).await.unwrap());
    assert_eq!(notify.list_attempts(id).await.unwrap(), [attempt(1, false), attempt(2, true)]);
    assert_eq!(notify.list_last_deliveries().await.unwrap()["hook"].status, DeliveryStatus::Sent);
    let copy = notify.resend(id, "cli:ann", at(300)).await.unwrap().unwrap();
    let sent = notify.take_due(&second, at(300), 10, &[]).await.unwrap().remove(0);
    assert_eq!((sent.id, sent.resend_of, sent.attempts), (copy, Some(id), 0));
}

pub(super) async fn deliveries_go_with_the_history_they_tell_of(bench: &Bench) {
    let (store, notify) = open(bench).await;
    let held = held(&*notify, "a").await;
    for _ in 0..2 {
        judged(bench, &*store, &*notify, &held, None).await;
    }
    let id = notify.take_due(&held, at(100), 1, &[]).await.unwrap()[0].id;
    let attempt = Attempt { number: 1, at: at(110), duration_ms: 7, is_sent: true, answer: String::new() };
    assert!(notify.record_attempt(&held, id, &attempt, Then::Sent).await.unwrap());
    store.prune(PrunePass::Runs, at(100_000), 100).await.unwrap();
    let left = notify.list_deliveries(&DeliveryFilter { limit: 10, ..DeliveryFilter::default() }).await.unwrap();
    assert_eq!(left.iter().map(|one| one.status).collect::<Vec<_>>(), [DeliveryStatus::Pending]);
    assert!(notify.list_attempts(id).await.unwrap().is_empty());
}

pub(super) async fn a_transport_comes_and_goes_with_its_secrets(bench: &Bench) {
    let (_store, notify) = open(bench).await;
    let transport = |name: &str| StoredTransport {
        name: name.to_owned(),
        kind: TransportKind::Slack,
        enabled: true,
        settings: map(r##"{"to":"#ops"}"##),
        updated_at: at(1),
        updated_by: "user:ann".to_owned(),
    };
    let secret = |name: &str| SealedSecret {
        name: secret_name(name, "webhook_url"),
        sealed: "ENC:1".to_owned(),
        updated_at: at(1),
        updated_by: "user:ann".to_owned(),
    };
    for name in ["chat", "chat2"] {
        notify.put_transport(&transport(name), &[secret(name)], &[]).await.unwrap();
    }
    assert_eq!(notify.list_transports().await.unwrap(), [transport("chat"), transport("chat2")]);
    assert_eq!(notify.list_transport_secrets().await.unwrap(), [secret("chat"), secret("chat2")]);
    let off = StoredTransport { enabled: false, ..transport("chat2") };
    notify.put_transport(&off, &[], &[secret("chat2").name]).await.unwrap();
    assert_eq!(notify.list_transports().await.unwrap()[1], off);
    assert_eq!(notify.list_transport_secrets().await.unwrap(), [secret("chat")]);
    assert!(notify.delete_transport("chat").await.unwrap());
    assert!(!notify.delete_transport("chat").await.unwrap());
    assert!(notify.list_transport_secrets().await.unwrap().is_empty());
}

pub(super) async fn routes_are_replaced_by_whoever_knows_their_version(bench: &Bench) {
    let (_store, notify) = open(bench).await;
    assert_eq!(notify.find_routes().await.unwrap().version, 0);
    let one = [serde_json::json!({ "name": "one" })];
    assert_eq!(notify.put_routes(0, &one, at(1), "user:ann").await.unwrap(), Some(1));
    assert_eq!(notify.put_routes(0, &[], at(1), "user:bob").await.unwrap(), None);
    assert_eq!(notify.put_routes(1, &[], at(2), "user:bob").await.unwrap(), Some(2));
    let found = notify.find_routes().await.unwrap();
    assert_eq!((found.version, found.routes.len(), found.updated_by.as_deref()), (2, 0, Some("user:bob")));
}
