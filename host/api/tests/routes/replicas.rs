//! Several processes on one store: where runs go, who has what, what one hears of the other, and the definition a run keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use host_engine::Engine;
use host_model::job::spec::{HttpAuth, HttpSpec};
use host_model::replica::Presence;
use host_model::{Job, JobId, Step, StepName, StepSpec};
use serde_json::{Value, json};

use crate::support::{House, house, house_with, job, server};

const SOON: Duration = Duration::from_secs(30);

/// Asks until `is_so`; the last answer.
async fn eventually(house: &House, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let found = house.ask("GET", path, "").await.json();
            if is_so(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("it comes to that")
}

async fn run_document(house: &House, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    eventually(house, &format!("/admin/jobs/runs/{id}"), |found| is_so(&found["run"])).await["run"].clone()
}

async fn fire(house: &House, job: &str, body: &Value) -> String {
    let fired = house.ask("POST", &format!("/admin/jobs/{job}/run"), &body.to_string()).await;
    assert_eq!(fired.status, 202, "{}", fired.body);
    fired.json()["run_id"].as_str().unwrap().to_owned()
}

fn worker(labels: &[&str]) -> Presence {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    Presence { role: "worker".into(), labels, ..server("elsewhere/7/7") }
}

async fn over(engine: &Engine) {
    tokio::time::timeout(SOON, engine.wait_idle()).await.unwrap();
}

#[tokio::test]
async fn a_run_goes_where_its_trigger_says() {
    let house = house().await;
    let me = house.engine.presence().owner.clone();
    let here = fire(&house, "quick", &json!({})).await;
    let here = run_document(&house, &here, |run| run["status"] == "SUCCEEDED").await;
    assert_eq!(
        (&here["owner"], &here["placement"], &here["term"]),
        (&json!(me), &json!(format!("here:{me}")), &json!(1))
    );

    let neighbor = house.neighbor_with(worker(&["big"])).await;
    let away = fire(&house, "slow", &json!({"placement": "label:big"})).await;
    let run = run_document(&house, &away, |run| run["status"] == "RUNNING").await;
    assert_eq!((&run["owner"], &run["placement"]), (&json!("elsewhere/7/7"), &json!("label:big")));
    let shown = house.ask("GET", "/admin/jobs/slow", "").await.json();
    assert_eq!(shown["active_run_id"], json!(away));
    assert_eq!(house.ask("GET", "/admin/jobs", "").await.json()["active_run_ids"], json!([away]));
    house.ask("POST", &format!("/admin/jobs/runs/{away}/cancel"), "").await;
    over(&neighbor).await;

    for placement in ["somewhere", "label:", "Here", ""] {
        let body = json!({ "placement": placement }).to_string();
        let problem = house.ask("POST", "/admin/jobs/quick/run", &body).await.problem(422, placement);
        let detail = format!("placement is `{placement}`; allowed are `here`, `any` or `label:<name>`");
        assert_eq!(problem["detail"], json!(detail));
    }
}

#[tokio::test]
async fn a_run_that_waits_for_a_label_nobody_has_is_active_named_as_a_problem_and_can_be_canceled() {
    let house = house().await;
    let run = fire(&house, "quick", &json!({"placement": "label:gpu"})).await;
    assert_eq!(run_document(&house, &run, |_| true).await["owner"], "");
    let health = house.ask("GET", "/admin/jobs/health", "").await;
    let problem = "1 run waits for a process with the label `gpu`, and there is none";
    assert_eq!((health.status, &health.json()["problems"]), (200, &json!([problem])));
    assert_eq!(health.json()["runs_in_flight"], 1);
    let list = house.ask("GET", "/admin/jobs", "").await.json();
    let card = list["jobs"].as_array().unwrap().iter().find(|card| card["id"] == "quick").unwrap();
    assert_eq!((&card["active_run_id"], &list["active_run_ids"]), (&json!(run), &json!([run])));
    assert_eq!(house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await.status, 202);
    run_document(&house, &run, |run| run["status"] == "CANCELED").await;
    assert_eq!(house.ask("GET", "/admin/jobs/health", "").await.json()["problems"], json!([]));
}

#[tokio::test]
async fn health_names_every_process_and_who_has_the_lease() {
    let asks = Presence { scheduler_enabled: true, url: Some("http://127.0.0.1:1".into()), ..server("here/1/1") };
    let house = house_with(asks).await;
    let health = eventually(&house, "/admin/jobs/health", |health| health["scheduler"] == "active").await;
    assert_eq!((&health["replica"], &health["scheduler_enabled"]), (&json!("here/1/1"), &json!(true)));
    assert_eq!((&health["lease"]["holder"], &health["problems"]), (&json!("here/1/1"), &json!([])));
    assert!(health["lease"]["term"].as_u64().unwrap() > 0 && health["lease"]["seen_at"].is_string(), "{health}");

    let other = Presence { scheduler_enabled: true, ..server("here/2/2") };
    let _other = house.neighbor_with(other).await;
    let _worker = house.neighbor_with(worker(&["big"])).await;
    let slow = fire(&house, "slow", &json!({})).await;
    run_document(&house, &slow, |run| run["status"] == "RUNNING").await;
    let health = house.ask("GET", "/admin/jobs/health", "").await.json();
    let row = |replica: &Value| {
        ["owner", "role", "labels", "url", "scheduler_enabled", "lease", "room", "running"]
            .map(|key| replica[key].clone())
    };
    assert_eq!(
        health["replicas"].as_array().unwrap().iter().map(row).collect::<Vec<_>>(),
        [
            [
                "elsewhere/7/7".into(),
                "worker".into(),
                json!(["big"]),
                Value::Null,
                false.into(),
                false.into(),
                8.into(),
                0.into()
            ],
            [
                "here/1/1".into(),
                "server".into(),
                json!([]),
                "http://127.0.0.1:1".into(),
                true.into(),
                true.into(),
                8.into(),
                1.into()
            ],
            ["here/2/2".into(), "server".into(), json!([]), Value::Null, true.into(), false.into(), 8.into(), 0.into()],
        ]
    );
    let note = "2 processes ask for the scheduler; here/1/1 has it";
    assert_eq!(health["notes"], json!([note]));
    let remark = json!({ "code": "scheduler-shared", "holder": "here/1/1", "asking": 2, "text": note });
    assert_eq!(health["remarks"], json!([remark]));
    let status = house.ask("GET", "/admin/scheduler", "").await.json();
    for key in ["scheduler", "replica", "lease", "problems", "notes", "remarks"] {
        let (mut status, mut health) = (status[key].clone(), health[key].clone());
        // Signs of life go on meanwhile.
        for lease in [&mut status, &mut health] {
            lease.as_object_mut().and_then(|lease| lease.remove("seen_at"));
        }
        assert_eq!(status, health, "{key}");
    }
    house.ask("POST", &format!("/admin/jobs/runs/{slow}/cancel"), "").await;
    house.idle().await;
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_the_one_error_of_health() {
    let house = house().await;
    house.store.close().await;
    let health = house.ask("GET", "/admin/jobs/health", "").await;
    assert_eq!((health.status, &health.json()["scheduler"]), (503, &json!("error")), "{}", health.body);
    assert_eq!(health.json()["problems"], json!(["the store does not answer"]));
    assert_eq!(health.json()["remarks"], json!([{ "code": "store-silent", "text": "the store does not answer" }]));
    assert_eq!(health.json()["lease"], Value::Null);
    house.ask("GET", "/admin/scheduler", "").await.problem(503, "the scheduler");
}

#[tokio::test]
async fn a_run_of_another_process_is_heard_here_to_its_last_line() {
    let house = house().await;
    let neighbor = house.neighbor_with(worker(&["big"])).await;
    let run = fire(&house, "slow", &json!({"placement": "label:big"})).await;
    let mut listening = house.listen(&format!("?run={run}"), None).await.map_err(|answer| answer.body).unwrap();
    let heard = listening.until(|heard| heard.event == "step" && heard.data["status"] == "RUNNING").await;
    assert_eq!(heard[0].event, "hello");
    house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await;
    let rest = listening.until(|heard| heard.event == "run" && heard.data["status"] == "CANCELED").await;
    let all = heard.iter().chain(&rest);
    let steps = rest.iter().filter(|heard| heard.event == "step" && heard.data["status"] == "CANCELED");
    assert_eq!(steps.count(), 1);
    let lines = all.filter(|heard| heard.event == "log").flat_map(|heard| heard.data["lines"].as_array().unwrap());
    let lines: Vec<&str> = lines.map(|line| line["message"].as_str().unwrap()).collect();
    assert!(lines.last().unwrap().contains("run canceled by api"), "{lines:?}");
    over(&neighbor).await;
}

/// A job with the credentials of two kinds of steps written in clear, and one that is a reference.
fn with_secrets() -> Job {
    let step = |name: &str, auth: HttpAuth| {
        let spec = HttpSpec {
            headers: json!({"X-Api-Key": "in-clear", "Accept": "text/plain"}).as_object().cloned().unwrap(),
            expected_statuses: vec![200],
            auth: Some(auth),
            ..HttpSpec::get("http://127.0.0.1:1/")
        };
        Step { enabled: false, ..Step::new(StepName::new(name).unwrap(), StepSpec::Http(spec)) }
    };
    let basic = HttpAuth::Basic { user: "u".into(), password: "in-clear".into() };
    let steps = vec![step("a", basic), step("b", HttpAuth::Bearer { token: "${env.TOKEN}".into() })];
    Job::new(JobId::new("secret").unwrap(), "test", steps)
}

#[tokio::test]
async fn the_definition_of_a_run_is_kept_and_shown_without_credentials() {
    let house = house().await;
    let take = |job: Job| house.engine.replace_jobs(Arc::new(BTreeMap::from([(job.id.clone(), Arc::new(job))])), 0);
    take(with_secrets());
    let run = fire(&house, "secret", &json!({})).await;
    house.idle().await;
    take(job("other", "echo"));
    let answer = house.ask("GET", &format!("/admin/jobs/runs/{run}/definition"), "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.body.contains("in-clear"), "{}", answer.body);
    let definition = answer.json();
    assert_eq!((&definition["app"], &definition["on_restart"]), (&json!("test"), &json!("fail")));
    let auth = |step: usize| definition["steps"][step]["spec"]["http"]["auth"].clone();
    assert_eq!(auth(0), json!({"basic": {"user": "u", "password": "••••"}}));
    assert_eq!(auth(1), json!({"bearer": {"token": "${env.TOKEN}"}}));
    let headers = json!({"X-Api-Key": "••••", "Accept": "text/plain"});
    assert_eq!(definition["steps"][1]["spec"]["http"]["headers"], headers);
    house.ask("GET", "/admin/jobs/runs/0000000000000/definition", "").await.problem(404, "a run");
    house.ask("GET", "/admin/jobs/runs/short/definition", "").await.problem(404, "no run id");

    let path = format!("/admin/jobs/runs/{run}/replay");
    house.ask("POST", &path, r#"{"definition":"current"}"#).await.problem(404, "the job is gone");
    house.ask("POST", &path, r#"{"definition":"older"}"#).await.problem(422, "a word");
    let again = house.ask("POST", &path, r#"{"from_step":"b"}"#).await;
    assert_eq!(again.status, 202, "{}", again.body);
    let again = again.json()["run_id"].as_str().unwrap().to_owned();
    let shown = run_document(&house, &again, |run| run["status"] == "SUCCEEDED").await;
    assert_eq!((&shown["replay_of"], &shown["replay_from"]), (&json!(run), &json!("b")));
    assert_eq!(house.ask("POST", &path, "").await.status, 202, "no body is the stored definition, whole");
    house.idle().await;
}
