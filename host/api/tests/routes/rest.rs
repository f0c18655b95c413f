//! Filters, searches, files, keys of requests, the calendar and what else pages read beyond lists and documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use host_model::job::{JobSchedule, Overrides};
use host_model::schedule::{CronExpr, ScheduleKind, ScheduleSpec, read_zone};
use serde_json::{Value, json};

use crate::support::{House, TOKEN, house, job};

async fn get(house: &House, path: &str) -> Value {
    let answer = house.ask("GET", path, "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn ids(page: &Value) -> Vec<&str> {
    page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect()
}

/// `POST path` with a key.
async fn post(house: &House, path: &str, key: &str, body: &str) -> crate::support::Answer {
    let token = format!("Bearer {TOKEN}");
    let mut headers = vec![("authorization", token.as_str()), ("idempotency-key", key)];
    if !body.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    house.plain("POST", path, &headers, body).await
}

#[tokio::test]
async fn a_request_has_one_id_in_its_header_and_its_problem() {
    let house = house().await;
    let given = [("x-request-id", "from-the-proxy.1")];
    let answer = house.plain("GET", "/admin/jobs", &given, "").await;
    assert_eq!(answer.header("x-request-id"), "from-the-proxy.1");
    assert_eq!(answer.problem(401, "a stranger")["request_id"], "from-the-proxy.1");
    let mut seen = BTreeSet::new();
    for odd in ["", "a b", "<script>", &"x".repeat(200)] {
        let answer = house.plain("GET", "/nothing/here", &[("x-request-id", odd)], "").await;
        let id = answer.header("x-request-id").to_owned();
        assert!(id.len() == 24 && seen.insert(id), "{odd}: {:?}", answer.headers);
    }
}

#[tokio::test]
async fn runs_are_found_by_what_began_them_by_text_and_by_length() {
    let house = house().await;
    let run = house.fire("quick").await.to_string();
    house.idle().await;
    let other = house.fire("chatty").await.to_string();
    house.idle().await;
    for (query, expected) in [
        ("trigger=api", vec![other.as_str(), &run]),
        ("trigger=cron,user:alice", vec![]),
        ("trigger=ap", vec![]),
        ("q=CHAT", vec![&other]),
        ("q=%25", vec![]),
        (&format!("q={run}"), vec![&run]),
        ("min_seconds=0", vec![&other, &run]),
        ("min_seconds=3600", vec![]),
        ("job=quick&trigger=api&min_seconds=0&q=qui&status=succeeded", vec![&run]),
    ] {
        assert_eq!(ids(&get(&house, &format!("/admin/jobs/runs?{query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn lines_of_a_run_are_searched_counted_and_downloaded() {
    let house = house().await;
    let run = house.fire("chatty").await;
    house.idle().await;
    let base = format!("/admin/jobs/runs/{run}/logs");
    let page = get(&house, &format!("{base}?limit=2500")).await;
    let lines = page["lines"].as_array().unwrap();
    let numbers_of = |fits: &dyn Fn(&str) -> bool| -> Vec<u64> {
        let fitting = lines.iter().filter(|line| fits(line["message"].as_str().unwrap()));
        fitting.map(|line| line["seq"].as_u64().unwrap()).collect()
    };
    for (query, expected) in [
        ("q=LINE%2077", numbers_of(&|text| text.contains("line 77"))),
        ("q=LINE%2077&case=true", Vec::new()),
        (
            "q=line%20.7%24&regex=true",
            numbers_of(&|text| text.len() == 7 && text.starts_with("line ") && text.ends_with('7')),
        ),
        ("q=.7%24", Vec::new()),
        ("level=ERROR", Vec::new()),
        ("step=a&q=line%201199", numbers_of(&|text| text == "line 1199")),
        ("step=zz", Vec::new()),
    ] {
        let hits = get(&house, &format!("{base}/search?{query}")).await;
        assert_eq!(hits["numbers"], json!(expected), "{query}");
        assert_eq!((&hits["total"], &hits["truncated"]), (&json!(expected.len()), &json!(false)), "{query}");
    }
    assert!(!numbers_of(&|text| text.contains("line 77")).is_empty());
    let from = get(&house, &format!("{base}/search?q=line&from=1000")).await;
    assert!(from["numbers"].as_array().unwrap().iter().all(|n| n.as_u64().unwrap() >= 1000), "{from}");

    let counts = get(&house, &format!("{base}/counts")).await;
    let by_level: u64 = counts["by_level"].as_array().unwrap().iter().map(|l| l["count"].as_u64().unwrap()).sum();
    assert_eq!((counts["total"].as_u64().unwrap(), by_level), (lines.len() as u64, lines.len() as u64));
    let step = counts["by_step"].as_array().unwrap().iter().find(|lines| lines["step"] == "a").unwrap();
    assert_eq!((&step["index"], &step["attempt"]), (&json!(0), &json!(1)));

    let token = format!("Bearer {TOKEN}");
    let token = [("authorization", token.as_str())];
    let text = house.plain("GET", &format!("{base}/download"), &token, "").await;
    assert_eq!(text.body.lines().count(), lines.len());
    assert_eq!(text.header("content-disposition"), format!("attachment; filename=\"chatty_{run}.log\""));
    let of_step = house.plain("GET", &format!("{base}/download?format=ndjson&step=a"), &token, "").await;
    assert_eq!(of_step.header("content-disposition"), format!("attachment; filename=\"chatty_{run}_a.ndjson\""));
    let read: Vec<Value> = of_step.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(read.len() >= 1200 && read.iter().all(|line| line["step"] == "a"));
    assert_eq!(step["count"].as_u64().unwrap(), read.len() as u64);
    let shown = house.plain("GET", &format!("{base}/download?inline=true&origin=run"), &token, "").await;
    assert_eq!(shown.header("content-disposition"), format!("inline; filename=\"chatty_{run}.log\""));
    assert_eq!(shown.body.lines().count(), lines.len() - read.len());
    let packed = house.plain("GET", &format!("{base}/download?gzip=true"), &token, "").await;
    assert_eq!(packed.header("content-type"), "application/gzip");
    assert!(packed.header("content-disposition").ends_with(".log.gz\""));
}

#[tokio::test]
async fn lines_are_told_by_span_by_who_wrote_them_and_where_they_warn() {
    let house = house().await;
    let run = house.fire("chatty").await;
    house.idle().await;
    let base = format!("/admin/jobs/runs/{run}/logs");
    let numbers = async |query: &str| -> Vec<u64> {
        let page = get(&house, &format!("{base}{query}")).await;
        let key = if query.starts_with("/search") { "numbers" } else { "lines" };
        let list = page[key].as_array().unwrap();
        list.iter().map(|line| line.as_u64().or(line["seq"].as_u64()).unwrap()).collect()
    };
    assert_eq!(numbers("?lines=10-12,40,999999").await, [10, 11, 12, 40]);
    let of_steps = numbers("/search?origin=steps").await;
    let of_run = numbers("/search?origin=run").await;
    let total = get(&house, &format!("{base}?limit=1")).await["total"].as_u64().unwrap();
    assert_eq!(of_steps.len() + of_run.len(), usize::try_from(total).unwrap());
    assert!(of_run.contains(&0) && !of_steps.is_empty());
    assert_eq!(numbers("/search?step=a&attempt=1").await, of_steps);
    assert_eq!(numbers("?step=a&attempt=2").await, [0; 0]);
    let density = get(&house, &format!("{base}/density?parts=10")).await;
    assert_eq!((&density["total"], &density["errors"]), (&json!(total), &json!(vec![0; 10])));
    for query in ["?lines=4-2", "?lines=a", "?lines=0-2500", "?lines=", "/search?origin=me"] {
        house.ask("GET", &format!("{base}{query}"), "").await.problem(422, query);
    }
}

#[tokio::test]
async fn a_key_begins_one_run_and_its_answer_is_kept() {
    let house = house().await;
    let path = "/admin/jobs/quick/run";
    let first = post(&house, path, "k1", "{}").await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (202, ""));
    house.idle().await;
    let again = post(&house, path, "k1", "{}").await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, "true"));
    assert_eq!(again.json(), first.json());
    post(&house, path, "k1", "{\"log_level\":\"DEBUG\"}").await.problem(422, "another body");
    post(&house, "/admin/jobs/chatty/run", "k1", "{}").await.problem(422, "another address");
    // What cannot be read begins nothing and keeps nothing.
    post(&house, path, "k2", "{").await.problem(422, "no JSON");
    assert_eq!(post(&house, path, "k2", "").await.status, 202);
    house.idle().await;
    for odd in ["", &"k".repeat(256), "a\u{e9}"] {
        let token = format!("Bearer {TOKEN}");
        let headers = [("authorization", token.as_str()), ("idempotency-key", odd)];
        house.plain("POST", path, &headers, "").await.problem(422, odd);
    }
    assert_eq!(ids(&get(&house, "/admin/jobs/runs?job=quick").await).len(), 2);
}

#[tokio::test]
async fn the_same_key_at_the_same_time_is_one_run() {
    let house = house().await;
    let sent = (0..8).map(|_| post(&house, "/admin/jobs/quick/run", "at-once", ""));
    let answers = futures_util::future::join_all(sent).await;
    let runs: BTreeSet<String> = answers.iter().map(|answer| answer.json()["run_id"].to_string()).collect();
    assert!(answers.iter().all(|answer| answer.status == 202) && runs.len() == 1, "{runs:?}");
    house.idle().await;
    assert_eq!(ids(&get(&house, "/admin/jobs/runs").await).len(), 1);
}

#[tokio::test]
async fn a_fire_that_was_skipped_stays_skipped_under_its_key_and_a_replay_has_keys_too() {
    let house = house().await;
    let running = post(&house, "/admin/jobs/slow/run", "first", "").await.json()["run_id"].as_str().unwrap().to_owned();
    let skipped = post(&house, "/admin/jobs/slow/run", "second", "").await;
    let skipped = skipped.problem(409, "it runs");
    let again = post(&house, "/admin/jobs/slow/run", "second", "").await.problem(409, "it runs");
    assert_eq!((&again["run_id"], &again["active_run_id"]), (&skipped["run_id"], &json!(running)));
    assert_eq!(house.ask("POST", &format!("/admin/jobs/runs/{running}/cancel"), "").await.status, 202);
    house.idle().await;
    // Even now: the key stands for what was answered then.
    post(&house, "/admin/jobs/slow/run", "second", "").await.problem(409, "it ran");
    let quick = house.fire("quick").await;
    house.idle().await;
    let path = format!("/admin/jobs/runs/{quick}/replay");
    let first = post(&house, &path, "again", "").await.json();
    house.idle().await;
    let second = post(&house, &path, "again", "").await.json();
    assert_eq!((&first["run_id"], &first["replay_of"]), (&second["run_id"], &json!(quick.to_string())));
}

#[tokio::test]
async fn a_week_of_five_hundred_jobs_fits_into_150_kilobytes() {
    let house = house().await;
    let zone = read_zone("Europe/Paris").unwrap_or_else(|error| panic!("{error}"));
    let texts = ["0 3 * * *", "*/5 * * * *", "0 * * * *", "30 6 * * 1-5", "*/15 8-18 * * 1-5", "0 0 1 * *"];
    let jobs: BTreeMap<_, _> = (0..500)
        .map(|n| {
            let text = texts[n % texts.len()];
            let cron = CronExpr::parse(text).unwrap_or_else(|error| panic!("{error}"));
            let schedule = JobSchedule {
                name: "default".to_owned(),
                text: text.to_owned(),
                spec: ScheduleSpec::new(ScheduleKind::Cron(cron), zone),
                enabled: true,
                jitter_seconds: 0,
                placement: None,
                overrides: Overrides::default(),
            };
            let mut job = job(&format!("nightly-load-of-table-{n}"), "echo");
            job.schedules = vec![schedule];
            (job.id.clone(), Arc::new(job))
        })
        .collect();
    house.engine.replace_jobs(Arc::new(jobs), 0);
    let answer = house.ask("GET", "/admin/schedule?from=2030-01-07&to=2030-01-14&zone=Europe/Paris", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.len() <= 150_000, "{} bytes", answer.body.len());
    let calendar = answer.json();
    let rows = calendar["jobs"].as_array().unwrap();
    assert_eq!(rows.len(), 500);
    let fires = |row: &Value| {
        let bands: u64 = row["bands"].as_array().unwrap().iter().map(|band| band["count"].as_u64().unwrap()).sum();
        bands + row["fires"].as_array().unwrap().len() as u64
    };
    let row = |n: usize| rows.iter().find(|row| row["id"] == format!("nightly-load-of-table-{n}")).unwrap();
    let counted: Vec<u64> = (0..6).map(|n| fires(row(n))).collect();
    assert_eq!(counted, [7, 2016, 168, 5, 5 * 44, 0]);
}

#[tokio::test]
async fn a_calendar_shows_what_ran_and_refuses_spans_that_make_no_sense() {
    let house = house().await;
    let run = house.fire("quick").await;
    house.idle().await;
    let calendar = get(&house, "/admin/schedule?from=2020-01-01&to=2020-01-02").await;
    assert_eq!((&calendar["runs"], &calendar["slots"]), (&json!([]), &json!([])));
    let from = (house.engine.now() - chrono::TimeDelta::hours(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let calendar = get(&house, &format!("/admin/schedule?from={from}")).await;
    assert_eq!(
        (&calendar["runs"][0]["id"], &calendar["runs"][0]["status"]),
        (&json!(run.to_string()), &json!("SUCCEEDED"))
    );
    for query in ["from=2020-01-02&to=2020-01-01", "from=2020-01-01&to=2021-01-01", "zone=Mars", "from=x", "at=1"] {
        house.ask("GET", &format!("/admin/schedule?{query}"), "").await.problem(422, query);
    }
}

#[tokio::test]
async fn statistics_and_small_histories_tell_how_long_runs_took() {
    let house = house().await;
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(house.fire("quick").await.to_string());
        house.idle().await;
    }
    let stats = get(&house, "/admin/jobs/quick/stats").await;
    let told: Vec<&str> = stats["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!((told, &stats["succeeded"]), (runs.iter().map(String::as_str).collect(), &json!(3)));
    assert!(stats["median_seconds"].as_f64().unwrap() <= stats["p95_seconds"].as_f64().unwrap());
    house.ask("GET", "/admin/jobs/nowhere/stats", "").await.problem(404, "no such job");
    let list = get(&house, "/admin/jobs?recent=2").await;
    let quick = list["jobs"].as_array().unwrap().iter().find(|card| card["id"] == "quick").unwrap();
    let recent: Vec<&str> = quick["recent"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(recent, runs[1..].iter().map(String::as_str).collect::<Vec<_>>());
    house.ask("GET", "/admin/jobs?recent=21", "").await.problem(422, "too many");
}

#[tokio::test]
async fn a_list_that_did_not_change_is_not_sent_again() {
    let house = house().await;
    let list = house.ask("GET", "/admin/jobs", "").await;
    let token = format!("Bearer {TOKEN}");
    let known = [("authorization", token.as_str()), ("if-none-match", list.header("etag"))];
    let again = house.plain("GET", "/admin/jobs", &known, "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    house.fire("quick").await;
    house.idle().await;
    assert_eq!(house.plain("GET", "/admin/jobs", &known, "").await.status, 200);
}

#[tokio::test]
async fn connectors_are_shown_with_their_pools_and_the_last_test() {
    let house = house().await;
    let test = house.ask("POST", "/admin/connectors/ops/test", "").await.json();
    assert_eq!((&test["ok"], &test["stages"][1]["detail"]), (&json!(false), &json!("no such file")));
    let list = get(&house, "/admin/connectors").await;
    let ops = &list["connectors"][0];
    assert_eq!((&ops["name"], &ops["type"], &ops["pool"]["in_use"]), (&json!("ops"), &json!("sql"), &json!(1)));
    assert_eq!((&ops["last_test"]["ok"], &ops["last_test"]["detail"]), (&json!(false), &json!("no such file")));
    assert_eq!(get(&house, "/admin/connectors/ops/tables?like=or").await["tables"][0]["name"], "orders");
    assert_eq!(get(&house, "/admin/connectors/ops/queries").await["queries"][0]["sql"], "select 1");
    let checked = house.ask("POST", "/admin/connectors/ops/check", r#"{"query":"select x"}"#).await.json();
    let wrong = json!({"keyword": "select", "line": 1, "column": 8, "params": ["a"], "verdict": "wrong", "columns": [],
        "message": "near `select x`", "hint": null});
    assert_eq!(checked, json!({"ok": false, "statements": [wrong]}));
    for (method, path) in [("POST", "test"), ("GET", "tables"), ("GET", "queries"), ("POST", "check")] {
        house.ask(method, &format!("/admin/connectors/nowhere/{path}"), "").await.problem(404, path);
    }
}

#[tokio::test]
async fn what_the_server_is_and_what_it_counts_can_be_read() {
    let house = house().await;
    house.fire("quick").await;
    house.idle().await;
    assert_eq!(get(&house, "/admin/about").await["version"], "1.2.3");
    let settings = get(&house, "/admin/settings").await;
    let days = settings["settings"].as_array().unwrap().iter().find(|each| each["key"] == "jobs.history_days").unwrap();
    assert_eq!((&days["value"], &days["source"], &days["next"]), (&json!(90), &json!("default"), &Value::Null));
    assert_eq!(get(&house, "/admin/plugins").await["plugins"], json!([]));
    assert_eq!(get(&house, "/admin/jobs/callables").await["plugins_root"], "plugins");
    let retention = get(&house, "/admin/jobs/retention").await;
    assert_eq!(
        (&retention["policy"]["job_id"], &retention["last_sweep"]),
        (&json!("_internal-prune-runs"), &Value::Null)
    );
    let store = get(&house, "/admin/store").await;
    let runs = store["tables"].as_array().unwrap().iter().find(|table| table["name"] == "ly2_job_runs").unwrap();
    assert_eq!(runs["rows"], 1, "{store}");
    assert!(runs["bytes"].as_u64().unwrap() > 0 && runs["rows_per_day"].as_f64().unwrap() > 0.0, "{runs}");
    assert_eq!((&store["pools"][0]["name"], &store["pools"][0]["waiting"]), (&json!("store"), &json!(0)));
    let estimate = get(&house, "/admin/jobs/retention/estimate?history_days=1").await;
    assert_eq!((&estimate["history_days"], &estimate["run_rows"]), (&json!(1), &json!(0)));
    let usual = get(&house, "/admin/jobs/retention/estimate").await;
    assert_eq!(usual["history_days"], 90, "what is set counts where nothing is asked");
    for bad in ["?history_days=0", "?history_days=x"] {
        house.ask("GET", &format!("/admin/jobs/retention/estimate{bad}"), "").await.problem(422, bad);
    }
    let backup = get(&house, "/admin/backup").await;
    assert_eq!((&backup["things"][2]["what"], &backup["last_backup_at"]), (&json!("store"), &Value::Null));
    let accuracy = get(&house, "/admin/scheduler/accuracy?hours=2").await;
    assert_eq!(
        (&accuracy["fires"], &accuracy["start"]["p95"], &accuracy["lost"]),
        (&json!(0), &Value::Null, &json!([]))
    );
    assert!((3..=4).contains(&accuracy["hours"].as_array().unwrap().len()), "{accuracy}");
    let counted = "nomaflow_runs_total{job=\"quick\",status=\"SUCCEEDED\"} 1";
    for _ in 0..500 {
        let page = house.ask("GET", "/metrics", "").await;
        assert_eq!((page.status, page.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
        if page.body.contains(counted) {
            house.plain("GET", "/metrics", &[], "").await.problem(401, "a stranger");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the run is never counted");
}

#[tokio::test]
async fn runs_are_drawn_and_written_to_files() {
    let house = house().await;
    let mut runs = Vec::new();
    for job in ["quick", "chatty", "quick"] {
        runs.push(house.fire(job).await.to_string());
        house.idle().await;
    }
    let plot = get(&house, "/admin/jobs/runs/plot?job=quick&limit=1").await;
    let drawn: Vec<&str> = plot["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!((drawn, &plot["total"]), (vec![runs[2].as_str(), &runs[0]], &json!(2)));
    assert!(
        plot["runs"][0]["seconds"].as_f64().is_some()
            && plot["from"].as_str() <= plot["to"].as_str()
            && plot["counts"] == json!([])
    );
    let nothing = get(&house, "/admin/jobs/runs/plot?tag=nobody-has-it").await;
    assert_eq!((&nothing["total"], &nothing["from"]), (&json!(0), &Value::Null));
    assert_eq!(ids(&get(&house, "/admin/jobs/runs?tag=nobody-has-it").await).len(), 0);

    let csv = house.ask("GET", "/admin/jobs/runs/export.csv?job=quick,chatty", "").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let rows: Vec<&str> = csv.body.split_terminator("\r\n").collect();
    assert!(rows[0].starts_with("id,job_id,status,") && rows.len() == 4, "{}", csv.body);
    for (row, run) in rows[1..].iter().zip(runs.iter().rev()) {
        assert!(row.starts_with(run.as_str()) && row.contains(",SUCCEEDED,"), "{row}");
    }
    let lines = house.ask("GET", "/admin/jobs/runs/export.ndjson?job=chatty", "").await;
    let line: Value = serde_json::from_str(lines.body.trim_end()).unwrap();
    assert_eq!(line["id"], runs[1].as_str());
}

#[tokio::test]
async fn the_last_different_values_of_a_job_are_told_once_each_and_without_secrets() {
    let house = house().await;
    let run = async |body: &str| {
        let answer = house.ask("POST", "/admin/jobs/quick/run", body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        house.idle().await;
        answer.json()["run_id"].as_str().unwrap().to_owned()
    };
    let plain = run("").await;
    run(r#"{"params":{"month":1,"password":"hunter2"}}"#).await;
    let again = run(r#"{"params":{"month":1,"password":"hunter2"}}"#).await;
    let inputs = get(&house, "/admin/jobs/quick/inputs").await;
    let told: Vec<&str> =
        inputs["inputs"].as_array().unwrap().iter().map(|it| it["run_id"].as_str().unwrap()).collect();
    assert_eq!(told, [again.as_str(), &plain]);
    let given = &inputs["inputs"][0];
    assert_eq!((&given["params"]["params"]["month"], &given["triggered_by"]), (&json!(1), &json!("api")));
    for path in ["/admin/jobs/quick/inputs", &format!("/admin/jobs/runs/{again}")] {
        let text = house.ask("GET", path, "").await.body;
        assert!(!text.contains("hunter2") && text.contains("********"), "{path}: {text}");
    }
    // Whoever sends the mark back meant to keep what is there.
    let answer = house.ask("POST", "/admin/jobs/quick/run", r#"{"params":{"password":"********"}}"#).await;
    answer.problem(422, "the mark of a secret");
}
