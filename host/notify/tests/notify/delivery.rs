//! What becomes of a message: sent, repeated, put off, given up; once, whoever sends.

use std::time::Duration;

use host_model::notify::delivery::DeliveryStatus;
use host_notify::Notifier;
use serde_json::json;

use crate::support::{House, Sink, alerts, settings, until, webhook};

const NOW: Duration = Duration::ZERO;

#[tokio::test]
async fn a_failed_run_is_told_with_its_error_and_a_link_and_can_be_verified() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook"])), &["etl"]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    let run = house.fail("nightly").await;
    notifier.wake();
    let got = sink.wait(1).await.remove(0);
    let body = got.json();
    assert_eq!(body["job_id"], "nightly");
    assert_eq!(body["run_id"], run.to_string());
    assert_eq!((body["state"].clone(), body["event"].clone()), (json!("FAILED"), json!("failed")));
    assert_eq!(body["error"], "step `extract` failed: no such host");
    assert_eq!(body["url"], format!("https://jobs.test/runs/{run}"));
    assert_eq!(got.headers["x-nomaflow-event"], "failed");
    // As the documentation says it is verified.
    let signature = &got.headers["x-nomaflow-signature"];
    let (time, tag) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"pl4nted-key");
    let signed = format!("{time}.{}", got.body);
    ring::hmac::verify(&key, signed.as_bytes(), &hex::decode(tag).unwrap()).unwrap();
    let sent = house.wait(DeliveryStatus::Sent).await;
    let attempts = house.notify.list_attempts(sent.id).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].answer.as_str()), (1, "HTTP 200 said the sink"));
    notifier.stop().await;
}

#[tokio::test]
async fn a_server_that_fails_or_is_too_busy_is_asked_again_when_it_says() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook"])), &[]);
    sink.answers([(500, None, NOW), (429, Some(("retry-after", "90")), NOW)]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    house.fail("nightly").await;
    sink.wait(1).await;
    let waits = house.wait(DeliveryStatus::Pending).await;
    assert_eq!((waits.attempts, waits.error.as_deref()), (1, Some("HTTP 500 said the sink")));
    house.turn(1);
    sink.wait(2).await;
    let is_put_off = async || house.deliveries().await[0].attempts == 2;
    until(is_put_off, "the second attempt is recorded").await;
    let put_off = house.deliveries().await.remove(0);
    assert_eq!((put_off.due_at - put_off.created_at).num_seconds(), 91, "one second, then what was asked for");
    house.turn(90);
    sink.wait(3).await;
    let sent = house.wait(DeliveryStatus::Sent).await;
    let told: Vec<(bool, String)> =
        house.notify.list_attempts(sent.id).await.unwrap().into_iter().map(|it| (it.is_sent, it.answer)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].0 && !told[0].0 && !told[1].0);
    notifier.stop().await;
}

#[tokio::test]
async fn what_the_other_side_refuses_is_given_up_and_can_be_sent_again() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook", "nobody"])), &[]);
    sink.answers([(404, None, NOW)]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    house.fail("nightly").await;
    sink.wait(1).await;
    let is_over = async || {
        let all = house.deliveries().await;
        all.len() == 2 && all.iter().all(|delivery| delivery.status == DeliveryStatus::Failed)
    };
    until(is_over, "both are given up").await;
    let all = house.deliveries().await;
    let refused = all.iter().find(|delivery| delivery.transport == "hook").unwrap();
    assert_eq!((refused.attempts, refused.error.as_deref()), (1, Some("HTTP 404 said the sink")));
    let lost = all.iter().find(|delivery| delivery.transport.is_empty()).unwrap();
    assert!(lost.error.as_deref().unwrap().contains("recipient `nobody`"), "{lost:?}");
    assert!(house.notify.resend(refused.id, "cli:ann", refused.created_at).await.unwrap().is_some());
    sink.wait(2).await;
    let again = house.wait(DeliveryStatus::Sent).await;
    assert_eq!((again.resend_of, again.requested_by.as_deref()), (Some(refused.id), Some("cli:ann")));
    notifier.stop().await;
}

#[tokio::test]
async fn a_transport_that_hangs_holds_up_no_other_and_is_cut_off() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    let (slow, slow_url) = Sink::open().await;
    slow.answers((0..10).map(|_| (200, None, Duration::from_secs(60))));
    house.declare("nightly", Some(alerts(&["slow", "hook"])), &[]);
    let mut hanging = webhook("slow", &slow_url);
    hanging.settings.insert("timeout_seconds".into(), 1.into());
    let notifier = house.notifier(settings(vec![hanging, webhook("hook", &url)], json!([])));
    for _ in 0..5 {
        house.fail("nightly").await;
    }
    sink.wait(5).await;
    let is_cut_off = async || {
        let all = house.deliveries().await;
        all.iter().any(|it| it.transport == "slow" && it.error.as_deref() == Some("no answer within 1 s"))
    };
    until(is_cut_off, "the slow one is cut off").await;
    notifier.stop().await;
}

#[tokio::test]
async fn what_was_not_judged_or_sent_is_by_the_next_process() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook"])), &[]);
    // Nobody is there to notice.
    house.fail("nightly").await;
    // A process judges it, takes it, and is gone.
    let held = host_model::replica::Held { holder: "dead/1/1".into(), term: 1 };
    let now = host_model::port::Clock::now(&*house.clock);
    assert_eq!(house.notify.take_notify_lease("dead/1/1", None, now).await.unwrap(), Some(1));
    let event = house.notify.list_events(10).await.unwrap().remove(0);
    let mut judgement = host_model::notify::store::Judgement { events: vec![event.seq], ..Default::default() };
    judgement.deliveries.push(host_model::notify::delivery::NewDelivery {
        transport: "hook".into(),
        recipient: String::new(),
        route: None,
        group: None,
        due_at: now,
        failure: None,
        notice: host_model::notify::Notice {
            kind: event.kind,
            job_id: event.job_id.clone(),
            tags: Vec::new(),
            at: event.at,
            run_id: Some(event.run_id),
            text: String::new(),
            facts: Default::default(),
        },
        resend_of: None,
        requested_by: None,
    });
    assert!(house.notify.judge(&held, &judgement, now).await.unwrap());
    assert_eq!(house.notify.take_due(&held, now, 10, &[]).await.unwrap().len(), 1);
    assert_eq!(house.deliveries().await[0].status, DeliveryStatus::Sending);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    sink.wait(1).await;
    house.wait(DeliveryStatus::Sent).await;
    assert!(
        !house.notify.judge(&held, &judgement, now).await.unwrap(),
        "the one that was lost writes nothing any more"
    );
    notifier.stop().await;
    assert_eq!(sink.got().len(), 1);
}

#[tokio::test]
async fn of_two_processes_one_sends() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook"])), &[]);
    let set = || settings(vec![webhook("hook", &url)], json!([]));
    let (a, b) = (Notifier::new(house.parts("a/1/1", set())), Notifier::new(house.parts("b/1/1", set())));
    a.start();
    b.start();
    for _ in 0..20 {
        house.fail("nightly").await;
        a.wake();
        b.wake();
    }
    sink.wait(20).await;
    let first = house.notify.find_notify_lease().await.unwrap().unwrap().holder;
    // The one that has the lease leaves, the other goes on.
    let (leaves, stays) = if first == "a/1/1" { (a, b) } else { (b, a) };
    leaves.stop().await;
    house.fail("nightly").await;
    sink.wait(21).await;
    let all_sent = async || house.deliveries().await.iter().all(|it| it.status == DeliveryStatus::Sent);
    until(all_sent, "all are recorded").await;
    stays.stop().await;
    assert_eq!((sink.got().len(), house.deliveries().await.len()), (21, 21));
}

#[tokio::test]
async fn secrets_are_in_no_record_whatever_the_other_side_says() {
    let house = House::build().await;
    house.declare("nightly", Some(alerts(&["hook"])), &[]);
    // The URL holds the secret, and the error of a host that is not there would quote it.
    let transport = webhook("hook", "http://127.0.0.1:1/pl4nted-key/${secret.key}");
    let notifier = house.notifier(settings(vec![transport], json!([])));
    house.fail("nightly").await;
    let is_tried = async || house.deliveries().await.first().is_some_and(|it| it.attempts > 0);
    until(is_tried, "it is tried").await;
    let attempt = house.notify.list_attempts(house.deliveries().await[0].id).await.unwrap().remove(0);
    assert!(attempt.answer.starts_with("no answer: ") && !attempt.answer.contains("pl4nted"), "{attempt:?}");
    notifier.stop().await;
}
