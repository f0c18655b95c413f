//! From what happens to a job to what is told of it: recovery, gathering, quiet hours, long runs, silence.

use host_model::job::Alerts;
use host_model::notify::delivery::DeliveryStatus;
use host_model::transition::RunChange;
use serde_json::json;

use crate::support::{House, OWNER, Sink, alerts, settings, until, webhook};

#[tokio::test]
async fn the_first_success_after_a_failure_is_told_and_no_other() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(alerts(&["hook"])), &[]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    house.succeed("nightly").await;
    house.fail("nightly").await;
    house.fail("nightly").await;
    house.succeed("nightly").await;
    house.succeed("nightly").await;
    house.judged().await;
    let told: Vec<String> =
        sink.wait(3).await.iter().map(|got| got.json()["event"].as_str().unwrap().to_owned()).collect();
    notifier.stop().await;
    assert_eq!(told, ["failed", "failed", "recovered"]);
    assert_eq!(sink.got().len(), 3);
}

#[tokio::test]
async fn events_that_somebody_asks_for_are_told_and_no_others() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(Alerts { on_canceled: true, ..alerts(&["hook"]) }), &[]);
    house.declare("mute", Some(Alerts { on_failure: false, on_recovery: false, ..alerts(&["hook"]) }), &[]);
    house.declare("plain", None, &[]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    // The notifier has said what it wants when a cancel is written down.
    let is_told = async || {
        let id = house.begin("nightly").await;
        house.apply(RunChange::cancel(id, OWNER, host_model::port::Clock::now(&*house.clock), "x".into())).await;
        !sink.got().is_empty()
    };
    until(is_told, "a cancel is told").await;
    for job in ["mute", "plain", "undeclared"] {
        house.fail(job).await;
    }
    house.succeed("nightly").await;
    house.judged().await;
    notifier.stop().await;
    assert!(house.deliveries().await.iter().all(|it| it.notices[0].job_id.as_str() == "nightly"));
    assert!(sink.got().iter().all(|got| got.json()["event"] == "canceled"));
}

#[tokio::test]
async fn several_failures_within_the_span_are_one_message() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    let routes = json!([{ "name": "all", "recipients": ["hook"], "group_seconds": 60 }]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], routes));
    for job in ["a", "b", "a", "a"] {
        house.fail(job).await;
        house.turn(5);
    }
    house.judged().await;
    assert!(sink.got().is_empty(), "they are gathered");
    house.turn(60);
    let body = sink.wait(1).await[0].json();
    assert_eq!((body["count"].clone(), body["title"].clone()), (json!(4), json!("[Nomaflow] 4 × FAILED a, b")));
    assert_eq!(body["events"].as_array().unwrap().len(), 4);
    house.wait(DeliveryStatus::Sent).await;
    house.fail("a").await;
    house.judged().await;
    house.turn(60);
    assert_eq!(sink.wait(2).await[1].json()["count"], 1, "what comes after is a message of its own");
    notifier.stop().await;
}

#[tokio::test]
async fn quiet_hours_hold_messages_until_the_morning() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    let routes = json!([{
        "name": "all", "recipients": ["hook"],
        "quiet_hours": { "from": "09:00", "to": "11:00", "timezone": "UTC" }
    }]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], routes));
    house.fail("a").await;
    house.turn(600);
    house.fail("b").await;
    house.judged().await;
    let held = house.deliveries().await.remove(0);
    assert_eq!((held.status, held.due_at), (DeliveryStatus::Pending, "2026-11-23T11:00:00Z".parse().unwrap()));
    assert!(sink.got().is_empty());
    house.turn(3000);
    assert_eq!(sink.wait(1).await[0].json()["count"], 2);
    notifier.stop().await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_told_while_it_goes_on() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(Alerts { on_long_run_minutes: Some(30), ..alerts(&["hook"]) }), &[]);
    let notifier = house.notifier(settings(vec![webhook("hook", &url)], json!([])));
    let run = house.begin("nightly").await;
    house.turn(31 * 60);
    let body = sink.wait(1).await[0].json();
    assert_eq!((body["event"].clone(), body["state"].clone()), (json!("long_run"), json!("RUNNING")));
    assert_eq!(body["run_id"], run.to_string());
    house.turn(60 * 60);
    house.apply(RunChange::succeed(run, OWNER, host_model::port::Clock::now(&*house.clock))).await;
    house.wait(DeliveryStatus::Sent).await;
    let is_forgotten = async || house.notify.list_marks().await.unwrap().is_empty();
    until(is_forgotten, "the mark of the run goes with it").await;
    notifier.stop().await;
    assert_eq!(sink.got().len(), 1);
}

#[tokio::test]
async fn a_job_without_a_success_is_told_once_also_over_a_restart() {
    let (house, (sink, url)) = (House::build().await, Sink::open().await);
    house.declare("nightly", Some(Alerts { no_success_within_hours: Some(26), ..alerts(&["hook"]) }), &[]);
    let set = || settings(vec![webhook("hook", &url)], json!([]));
    let notifier = house.notifier(set());
    let is_seen = async || !house.notify.list_marks().await.unwrap().is_empty();
    until(is_seen, "the job is looked at").await;
    notifier.stop().await;
    // The whole server was away meanwhile.
    house.turn(27 * 3600);
    let notifier = house.notifier(set());
    assert_eq!(sink.wait(1).await[0].json()["event"], "no_success");
    house.wait(DeliveryStatus::Sent).await;
    notifier.stop().await;
    let notifier = house.notifier(set());
    house.turn(3600);
    house.succeed("nightly").await;
    assert_eq!(sink.wait(2).await[1].json()["event"], "recovered");
    notifier.stop().await;
    assert_eq!(sink.got().len(), 2);
}
