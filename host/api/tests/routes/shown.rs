//! What lists and documents hold.

use host_catalogue::{Catalogue, InvalidJob};
use host_engine::FireRequest;
use host_model::JobId;
use host_model::diagnostic::{Diagnostic, Severity};
use host_model::job::SourcePlace;
use host_model::run::Trigger;
use serde_json::{Value, json};

use crate::support::house;

fn finding(message: &str, job: Option<&str>) -> Diagnostic {
    Diagnostic {
        code: "test",
        severity: Severity::Error,
        message: message.into(),
        hint: None,
        file: "plugins/test/jobs.toml".into(),
        line: 1,
        column: 1,
        span: 0..0,
        job: job.map(str::to_owned),
    }
}

fn invalid(id: &str, message: &str) -> InvalidJob {
    let diagnostics = vec![finding(message, Some(id))];
    InvalidJob { id: id.into(), app: "test".into(), source: SourcePlace::default(), diagnostics }
}

fn messages(problems: &Value) -> Vec<&str> {
    problems.as_array().unwrap().iter().map(|p| p["message"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn findings_are_shown_with_their_job_and_those_of_whole_files_beside() {
    let house = house().await;
    let odd = "no such <id>/..";
    let diagnostics =
        vec![finding("a file that is no TOML", None), finding("careful", Some("quick")), finding("first", Some(odd))];
    let both = vec![invalid(odd, "first"), invalid(odd, "second")];
    house.shelve(Catalogue { invalid: both, diagnostics, ..Catalogue::default() });
    let list = house.ask("GET", "/admin/jobs", "").await.json();
    assert_eq!(messages(&list["problems"]), ["a file that is no TOML"]);
    let jobs = list["jobs"].as_array().unwrap();
    let card = |id: &str| jobs.iter().find(|j| j["id"] == id).unwrap();
    assert_eq!((messages(&card("quick")["problems"]), &card("quick")["valid"]), (vec!["careful"], &json!(true)));
    assert_eq!((messages(&card(odd)["problems"]), &card(odd)["valid"]), (vec!["first", "second"], &json!(false)));
    assert_eq!(messages(&house.ask("GET", "/admin/jobs/quick", "").await.json()["problems"]), ["careful"]);
    let path = "/admin/jobs/no%20such%20%3Cid%3E%2F..";
    for (method, path) in [("GET", path.to_owned()), ("POST", format!("{path}/run"))] {
        let problem = house.ask(method, &path, "").await.problem(422, &path);
        assert!(problem["detail"].as_str().unwrap().contains("first"), "{problem}");
    }
}

#[tokio::test]
async fn a_run_of_another_process_is_shown_as_active_and_a_skipped_fire_is_no_news() {
    let house = house().await;
    let neighbor = house.neighbor().await;
    let request = FireRequest::manual(JobId::new("slow").unwrap(), Trigger::Cli("bob".into()));
    let run = neighbor.fire(request).await.unwrap().run_id.to_string();
    let refused = house.ask("POST", "/admin/jobs/slow/run", "").await.problem(409, "a second run");
    assert_eq!(refused["active_run_id"], json!(run));
    let list = house.ask("GET", "/admin/jobs", "").await.json();
    assert_eq!(list["active_run_ids"], json!([run]));
    let card = list["jobs"].as_array().unwrap().iter().find(|j| j["id"] == "slow").unwrap().clone();
    let detail = house.ask("GET", "/admin/jobs/slow", "").await.json();
    for shown in [card, detail] {
        assert_eq!((&shown["active_run_id"], &shown["last_run"]["id"]), (&json!(run), &json!(run)));
    }
    let cancel = house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await;
    assert_eq!((cancel.status, &cancel.json()["canceled_by"]), (202, &json!("api")));
    tokio::time::timeout(std::time::Duration::from_secs(30), neighbor.wait_idle()).await.unwrap();
    house.ask("POST", &format!("/admin/jobs/runs/{run}/cancel"), "").await.problem(409, "it is over");
    let list = house.ask("GET", "/admin/jobs", "").await.json();
    assert_eq!(list["active_run_ids"], json!([]));
}

#[tokio::test]
async fn pages_of_runs_and_lines_follow_one_another_without_gap_or_overlap() {
    let house = house().await;
    for _ in 0..5 {
        house.fire("quick").await;
        house.idle().await;
    }
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = house.ask("GET", &format!("/admin/jobs/runs?limit=2{next}"), "").await.json();
        seen.extend(page["runs"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(id) => next = format!("&before={id}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first: {seen:?}");
    let run = house.fire("chatty").await;
    house.idle().await;
    let mut lines = Vec::new();
    loop {
        let path = format!("/admin/jobs/runs/{run}/logs?from={}&limit=500", lines.len());
        let page = house.ask("GET", &path, "").await.json();
        lines.extend(page["lines"].as_array().unwrap().iter().map(|l| l["seq"].as_u64().unwrap()));
        if page["lines"].as_array().unwrap().is_empty() {
            assert_eq!(page["total"], lines.len());
            break;
        }
    }
    assert!(lines.iter().copied().eq(0..lines.len() as u64) && lines.len() > 1200);
}
