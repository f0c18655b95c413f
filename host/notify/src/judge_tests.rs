//! The table of who is told of what.

use chrono_tz::Tz;
use host_model::connector::Hidden;
use host_model::notify::mute::MuteKind;
use host_model::notify::route::read_routes;
use host_model::notify::transport::Transport;
use host_model::{JobId, Json, JsonMap};
use serde_json::json;

use super::*;
use crate::book::Entry;

fn entry(name: &str, kind: TransportKind, settings: Json) -> Entry {
    let settings: JsonMap = settings.as_object().cloned().unwrap();
    let secrets = [("webhook_url".to_owned(), Hidden::new("https://x.test"))].into_iter().collect();
    Entry { transport: Transport { name: name.into(), kind, enabled: true, settings, secrets }, is_from_file: false }
}

/// Two Slack transports, a mail server with a default recipient, a pager that is off.
fn book(routes: Json) -> Book {
    let mut off = entry("pager", TransportKind::Webhook, json!({}));
    off.transport.enabled = false;
    Book {
        entries: vec![
            entry("slack", TransportKind::Slack, json!({})),
            entry("slack2", TransportKind::Slack, json!({})),
            entry("mail", TransportKind::Smtp, json!({ "to": "ops@x.test" })),
            entry("mail-bare", TransportKind::Smtp, json!({})),
            off,
        ],
        routes: read_routes(routes.as_array().unwrap(), Tz::UTC).unwrap(),
        group_seconds: 10,
        mutes: Vec::new(),
    }
}

fn notice(kind: EventKind, job: &str, tags: &[&str]) -> Notice {
    Notice {
        kind,
        job_id: JobId::new(job).unwrap(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        at: "2026-11-23T23:00:00Z".parse().unwrap(),
        run_id: None,
        text: String::new(),
        facts: JsonMap::new(),
    }
}

fn alerts(recipients: &[&str]) -> Alerts {
    Alerts {
        on_failure: true,
        on_recovery: true,
        on_success: false,
        on_canceled: false,
        on_long_run_minutes: None,
        no_success_within_hours: None,
        recipients: recipients.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// `transport:recipient`, or the failure.
fn shown(told: &[Told]) -> Vec<String> {
    let show = |told: &Told| told.failure.clone().unwrap_or_else(|| format!("{}:{}", told.transport, told.recipient));
    told.iter().map(show).collect()
}

#[test]
fn recipients_find_their_transport() {
    let book = book(json!([]));
    for (recipient, expected) in [
        ("#ops", "slack:#ops"),
        ("@ann", "slack:@ann"),
        ("slack2:#data", "slack2:#data"),
        ("slack2", "slack2:"),
        ("ann@x.test", "mail:ann@x.test"),
        ("mail-bare:bob@x.test", "mail-bare:bob@x.test"),
        ("pager", "the transport `pager` is off"),
        ("nobody", "recipient `nobody` is neither a channel nor an address, and no transport has this name"),
    ] {
        let told = judge(&notice(EventKind::Failed, "j", &[]), Some(&alerts(&[recipient])), &book);
        assert_eq!(shown(&told), [expected], "{recipient}");
    }
}

#[test]
fn the_alerts_of_a_job_say_which_events_are_told() {
    let book = book(json!([]));
    let own = alerts(&["#ops"]);
    let mute = Alerts { on_failure: false, on_recovery: false, ..own.clone() };
    let more = Alerts { on_success: true, on_canceled: true, ..own.clone() };
    for (kind, by_own, by_mute, by_more) in [
        (EventKind::Failed, true, false, true),
        (EventKind::Recovered, true, false, true),
        (EventKind::LongRun, true, true, true),
        (EventKind::NoSuccess, true, true, true),
        (EventKind::Succeeded, false, false, true),
        (EventKind::Canceled, false, false, true),
        (EventKind::Skipped, false, false, false),
    ] {
        for (alerts, expected) in [(&own, by_own), (&mute, by_mute), (&more, by_more)] {
            let told = judge(&notice(kind, "j", &[]), Some(alerts), &book);
            assert_eq!(!told.is_empty(), expected, "{kind:?} {alerts:?}");
        }
        assert!(judge(&notice(kind, "j", &[]), None, &book).is_empty(), "no alerts and no route: {kind:?}");
    }
}

#[test]
fn without_recipients_a_job_uses_the_routes_and_then_the_defaults() {
    let failed = notice(EventKind::Failed, "j", &["etl"]);
    let defaults = ["slack:", "slack2:", "mail:"];
    assert_eq!(shown(&judge(&failed, Some(&alerts(&[])), &book(json!([])))), defaults);
    let routed = book(json!([{ "name": "etl", "tags": ["etl"], "recipients": ["#data"] }]));
    assert_eq!(shown(&judge(&failed, Some(&alerts(&[])), &routed)), ["slack:#data"]);
    let elsewhere = book(json!([{ "name": "web", "tags": ["web"], "recipients": ["#data"] }]));
    assert_eq!(shown(&judge(&failed, Some(&alerts(&[])), &elsewhere)), defaults);
    let everything = book(json!([{ "name": "all" }]));
    assert_eq!(shown(&judge(&failed, None, &everything)), defaults, "a route without recipients");
}

#[test]
fn the_first_route_that_matches_wins_unless_it_goes_on() {
    let routes = json!([
        { "name": "off", "enabled": false, "recipients": ["#off"] },
        { "name": "urgent", "min_severity": "high", "jobs": ["pay*"], "recipients": ["#page"], "continue": true },
        { "name": "etl", "tags": ["etl", "load-*"], "recipients": ["#data"] },
        { "name": "success", "events": ["succeeded"], "recipients": ["#good"] },
        { "name": "rest", "recipients": ["#ops"] }
    ]);
    let book = book(routes);
    for (kind, job, tags, expected) in [
        (EventKind::Failed, "payroll", &["etl"][..], vec!["slack:#page", "slack:#data"]),
        (EventKind::Failed, "payroll", &[], vec!["slack:#page", "slack:#ops"]),
        (EventKind::LongRun, "payroll", &[], vec!["slack:#ops"]),
        (EventKind::Failed, "other", &["load-1"], vec!["slack:#data"]),
        (EventKind::Succeeded, "other", &["etl"], vec!["slack:#good"]),
        (EventKind::Recovered, "other", &[], vec!["slack:#good"]),
        (EventKind::Recovered, "other", &["etl"], vec!["slack:#data"]),
        (EventKind::Canceled, "other", &[], vec![]),
        (EventKind::Skipped, "payroll", &["etl"], vec![]),
    ] {
        let told = judge(&notice(kind, job, tags), None, &book);
        assert_eq!(shown(&told), expected, "{kind:?} {job} {tags:?}");
    }
    // What the job and two routes say is told once.
    let told = judge(&notice(EventKind::Failed, "payroll", &[]), Some(&alerts(&["#page", "#own"])), &book);
    assert_eq!(shown(&told), ["slack:#page", "slack:#own", "slack:#ops"]);
}

#[test]
fn quiet_hours_hold_or_drop_what_is_not_let_through() {
    let quiet = |then: &str, through: Option<&str>| {
        let hours = json!({ "from": "22:00", "to": "07:00", "timezone": "UTC", "then": then, "let_through": through });
        book(json!([{ "name": "night", "recipients": ["#ops"], "quiet_hours": hours, "group_seconds": 0 }]))
    };
    let morning: Instant = "2026-11-24T07:00:00Z".parse().unwrap();
    let failed = notice(EventKind::Failed, "j", &[]);
    let long = notice(EventKind::LongRun, "j", &[]);
    assert_eq!(judge(&failed, None, &quiet("hold", None))[0].hold_until, Some(morning));
    assert!(judge(&failed, None, &quiet("drop", None)).is_empty());
    assert_eq!(judge(&failed, None, &quiet("drop", Some("high")))[0].hold_until, None);
    assert!(judge(&long, None, &quiet("drop", Some("high"))).is_empty());
    let noon = Notice { at: "2026-11-23T12:00:00Z".parse().unwrap(), ..failed.clone() };
    assert_eq!(judge(&noon, None, &quiet("drop", None)).len(), 1);
    // What is held over night is one message in the morning.
    let held = judge(&failed, None, &quiet("hold", None)).remove(0).delivery(&failed, failed.at);
    assert!(held.group.is_some() && held.due_at == morning);
    let at_once = judge(&noon, None, &quiet("hold", None)).remove(0).delivery(&noon, noon.at);
    assert!(at_once.group.is_none() && at_once.due_at == noon.at);
}

#[test]
fn a_mute_of_a_job_or_a_route_covers_what_happens_before_its_end() {
    let noon: Instant = "2026-11-23T12:00:00Z".parse().unwrap();
    let mute = |kind, name: &str, seconds: i64| Mute {
        kind,
        name: name.into(),
        until: noon + chrono::TimeDelta::seconds(seconds),
        at: noon - chrono::TimeDelta::hours(1),
        by: "ann".into(),
        reason: String::new(),
        held: 0,
    };
    let failed = Notice { at: noon, ..notice(EventKind::Failed, "payroll", &[]) };
    let routes =
        json!([{ "name": "all", "recipients": ["#a"], "continue": true }, { "name": "night", "recipients": ["#b"] }]);
    let told = |mutes: Vec<Mute>| {
        let book = Book { mutes, ..book(routes.clone()) };
        let told = judge(&failed, None, &book).into_iter();
        told.map(|told| (told.recipient, told.muted.is_some())).collect::<Vec<_>>()
    };
    let (a, b) = ("#a".to_owned(), "#b".to_owned());
    assert_eq!(told(vec![mute(MuteKind::Job, "payroll", 1)]), [(a.clone(), true), (b.clone(), true)]);
    assert_eq!(told(vec![mute(MuteKind::Job, "payroll", 0)]), [(a.clone(), false), (b.clone(), false)], "it has ended");
    assert_eq!(told(vec![mute(MuteKind::Job, "other", 60)]), [(a.clone(), false), (b.clone(), false)]);
    assert_eq!(told(vec![mute(MuteKind::Route, "night", 60)]), [(a, false), (b, true)]);
}
