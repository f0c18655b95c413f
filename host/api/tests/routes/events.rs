//! The event stream.

use std::sync::Arc;
use std::time::Duration;

use host_engine::FireRequest;
use host_model::fire::{Slot, SlotOutcome, SlotRecord};
use host_model::run::Trigger;
use host_model::{Job, JobId};
use serde_json::json;

use crate::support::{Heard, house, job};

fn is_end(heard: &Heard) -> bool {
    heard.event == "run" && !matches!(heard.data["status"].as_str(), Some("QUEUED" | "RUNNING"))
}

fn names(all: &[Heard]) -> Vec<&str> {
    all.iter().map(|h| h.event.as_str()).collect()
}

#[tokio::test]
async fn a_listener_that_comes_back_hears_everything_exactly_once() {
    let house = house().await;
    let mut all = house.listen("", None).await.ok().unwrap();
    let hello = all.next().await.unwrap();
    assert_eq!((hello.event.as_str(), &hello.data["version"]), ("hello", &"1.2.3".into()));
    assert!(hello.id.is_some(), "a break right after the greeting loses nothing");
    house.fire("quick").await;
    let told = all.until(is_end).await;
    assert!(told.iter().all(|h| h.id.is_some() && h.event != "log"), "{told:?}");
    for (n, last) in std::iter::once(&hello).chain(&told).enumerate() {
        let mut again = house.listen("", last.id.as_deref()).await.ok().unwrap();
        assert_eq!(again.next().await.unwrap().event, "hello");
        let heard = match n == told.len() {
            true => vec![],
            false => again.until(is_end).await,
        };
        // Progress is not remembered.
        let expected: Vec<Heard> = told[n..].iter().filter(|h| h.event != "progress").cloned().collect();
        assert_eq!(heard, expected, "after {n} events");
    }
}

#[tokio::test]
async fn an_id_of_another_start_or_of_nothing_known_asks_to_read_again() {
    let house = house().await;
    house.fire("quick").await;
    house.idle().await;
    for last in ["0000000000000-1", "x-99999999999"] {
        let mut listening = house.listen("", Some(last)).await.ok().unwrap();
        let hello = listening.next().await.unwrap();
        assert!(hello.id.is_some(), "from here on it is up to date");
        assert_eq!(listening.next().await.unwrap().event, "resync", "{last}");
    }
    let mut fresh = house.listen("", Some("nonsense")).await.ok().unwrap();
    fresh.next().await.unwrap();
    house.engine.replace_jobs(house.engine.jobs(), 0);
    assert_eq!(fresh.next().await.unwrap().event, "catalogue", "an id that says nothing is no id");
}

#[tokio::test]
async fn log_lines_come_only_for_the_runs_asked_for_and_in_parts() {
    let house = house().await;
    let mut deaf = house.listen("", None).await.ok().unwrap();
    let run = house.fire("chatty").await;
    let mut keen = house.listen(&format!("?run={run},0000000000000"), None).await.ok().unwrap();
    house.idle().await;
    assert!(!names(&deaf.until(is_end).await).contains(&"log"));
    let heard = keen.until(is_end).await;
    let logs: Vec<&Heard> = heard.iter().filter(|h| h.event == "log").collect();
    let mut next = logs[0].data["from"].as_u64().unwrap();
    for log in logs {
        let lines = log.data["lines"].as_array().unwrap();
        assert!(!lines.is_empty() && lines.len() <= 500, "{}", lines.len());
        for line in lines {
            assert_eq!(line["seq"], next);
            next += 1;
        }
    }
    let total = house.store.count_logs(run).await.unwrap();
    assert_eq!(next, total, "every line up to the last");
    house.listen("?runs=x", None).await.err().unwrap().problem(422, "an unknown word");
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_told_once_and_goes_on() {
    let house = house().await;
    let mut slow = house.listen("", None).await.ok().unwrap();
    (0..5000).for_each(|n| house.engine.replace_jobs(house.engine.jobs(), n));
    let heard = slow.until(|h| h.data["problems"] == 4999).await;
    assert_eq!(names(&heard[..2]), ["hello", "resync"]);
    assert_eq!(heard[1].data["why"], "lagged");
    assert!(heard[2..].iter().all(|h| h.event == "catalogue"));
}

#[tokio::test]
async fn a_stop_says_goodbye_after_the_last_word_and_ends_the_stream() {
    let house = house().await;
    let mut listening = house.listen("", None).await.ok().unwrap();
    house.engine.replace_jobs(house.engine.jobs(), 7);
    house.stop.cancel("shutdown");
    let heard = listening.until(|h| h.event == "bye").await;
    assert_eq!(names(&heard), ["hello", "catalogue", "bye"]);
    assert_eq!(heard[2].data["retry_ms"], 2000);
    assert_eq!(listening.next().await, None);
}

#[tokio::test]
async fn streams_are_limited_and_a_closed_one_makes_room() {
    let house = house().await;
    let mut open = Vec::new();
    for _ in 0..512 {
        open.push(house.listen("", None).await.ok().unwrap());
    }
    let refused = house.listen("", None).await.err().unwrap();
    refused.problem(503, "one too many");
    assert_eq!(refused.header("retry-after"), "15");
    open.pop();
    assert!(house.listen("", None).await.is_ok());
}

#[tokio::test]
async fn a_reload_says_what_is_new_changed_and_gone() {
    let house = house().await;
    let mut listening = house.listen("", None).await.ok().unwrap();
    let mut jobs = (*house.engine.jobs()).clone();
    let gone = jobs.remove("slow").unwrap();
    let quick = jobs.get_mut("quick").unwrap();
    *quick = Arc::new(Job { description: "another".into(), ..(**quick).clone() });
    let new = job("new", "ok");
    jobs.insert(new.id.clone(), Arc::new(new));
    house.engine.replace_jobs(Arc::new(jobs), 1);
    let heard = listening.until(|h| h.event == "catalogue").await;
    let data = &heard.last().unwrap().data;
    assert_eq!((&data["added"], &data["changed"], &data["problems"]), (&json!(["new"]), &json!(["quick"]), &json!(1)));
    assert_eq!(data["removed"], json!([gone.id.as_str()]));
}

#[tokio::test]
async fn a_pause_and_slots_that_another_process_decided_are_heard() {
    let house = house().await;
    let mut listening = house.listen("", None).await.ok().unwrap();
    // The relay has to have seen how things are before it can tell a change, so it may take more than one.
    let toggling = async {
        for word in ["pause", "resume"].iter().cycle() {
            assert_eq!(house.ask("POST", &format!("/admin/scheduler/{word}"), "").await.status, 200);
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    };
    let heard = tokio::select! {
        heard = listening.until(|h| h.event == "health" && h.data["paused_by"] == "api") => heard,
        () = toggling => unreachable!("it goes on for ever"),
    };
    assert_eq!(heard.last().unwrap().data["scheduler"], "standby");
    let due = |n: i64| Slot {
        job_id: JobId::new("slow").unwrap(),
        schedule: "default".into(),
        due_at: host_model::Instant::from_timestamp(n, 0).unwrap(),
    };
    let missed = |n: i64| SlotRecord {
        slot: due(n),
        outcome: SlotOutcome::Missed,
        reason: Some("nobody was there".into()),
        run_id: None,
        decided_at: house.engine.now(),
    };
    house.store.record_slots(&[missed(60), missed(120)], None).await.unwrap();
    let heard = listening.until(|h| h.event == "slot").await;
    let data = &heard.last().unwrap().data;
    assert_eq!((&data["job_id"], &data["count"], &data["outcome"]), (&json!("slow"), &json!(2), &json!("missed")));
    assert_eq!((&data["due_at"], &data["reason"]), (&json!("1970-01-01T00:02:00.000Z"), &json!("nobody was there")));
}

#[tokio::test]
async fn who_asked_for_the_end_of_a_run_is_heard_while_it_goes_on_and_with_its_end() {
    let house = house().await;
    let mut listening = house.listen("", None).await.ok().unwrap();
    let run = house.fire("slow").await;
    let before = listening.until(|h| h.event == "run" && h.data["status"] == "RUNNING").await;
    assert_eq!(before.last().unwrap().data["cancel_requested_by"], json!(null));
    assert_eq!(house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await.status, 202);
    let heard = listening.until(is_end).await;
    let told: Vec<&Heard> = heard.iter().filter(|h| h.event == "run").collect();
    let stored = house.ask("GET", &format!("/admin/jobs/runs/{run}"), "").await.json()["run"].clone();
    assert_eq!(told[0].data["status"], "RUNNING", "it has not ended by being asked to");
    assert_eq!(told.last().unwrap().data["status"], "CANCELED");
    for one in told {
        assert_eq!(one.data["cancel_requested_by"], "api");
        assert_eq!(one.data["cancel_requested_at"], stored["cancel_requested_at"]);
    }
    assert!(stored["cancel_requested_at"].is_string(), "{stored}");
}

#[tokio::test]
async fn who_asked_for_the_end_of_a_run_of_another_process_is_heard_here() {
    let house = house().await;
    let neighbor = house.neighbor().await;
    let mut listening = house.listen("", None).await.ok().unwrap();
    let request = FireRequest::manual(JobId::new("slow").unwrap(), Trigger::Cli("bob".into()));
    let run = neighbor.fire(request).await.unwrap().run_id;
    listening.until(|h| h.event == "run" && h.data["status"] == "RUNNING").await;
    neighbor.cancel(run, "user:bob").await.unwrap();
    let heard = listening.until(is_end).await;
    let end = &heard.last().unwrap().data;
    assert_eq!((&end["id"], &end["cancel_requested_by"]), (&json!(run.to_string()), &json!("user:bob")));
    assert!(end["cancel_requested_at"].is_string(), "{end}");
}
