//! `nomaflow job …` and `nomaflow reload`: every one is a call to the API, remote or local.

use anyhow::Context as _;
use host_model::{Json, JsonMap};
use tokio::signal::unix::{SignalKind, signal};

use super::table::{self, or_dash};
use crate::cli::{Global, Job, RunArgs};
use crate::client::{Client, escape, shell_user};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::{self, Show, field};

/// Runs a `job` command.
pub(crate) async fn run(command: Job, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let outcome = match command {
        Job::List => list(&client, global).await,
        Job::Show { id } => show(&client, global, &id).await,
        Job::Run(args) => start(&client, global, args).await,
        Job::Cancel { run } => cancel(&client, global, &run).await,
        Job::History { id, limit } => history(&client, global, &id, limit).await,
        Job::Next { id, count } => super::cron::next(&client, global, &id, count).await,
        Job::Why { id, at, limit } => super::scheduler::why(&client, global, &id, at.as_deref(), limit).await,
        Job::SkipNext(args) => super::holds::skip_next(&client, global, &args).await,
        Job::Change(command) => super::catalogue::change(&client, command, global).await,
        Job::Logs { run, follow } => logs(&client, global, &run, follow).await,
    };
    client.close().await;
    outcome
}

/// `nomaflow reload`.
pub(crate) async fn reload(global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let answer = client.call("POST", "/admin/reload", None).await;
    client.close().await;
    let answer = answer?;
    if global.json {
        say(&answer.to_string())?;
    } else {
        let problems = answer["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
        for found in problems {
            let place = format!("{}:{}:{}", field(found, "file"), found["line"], found["column"]);
            say(&format!("{}: {place}: {}", field(found, "severity"), field(found, "message")))?;
        }
        let word = if problems.len() == 1 { "problem" } else { "problems" };
        say(&format!("{} jobs, {} {word}", answer["jobs"], problems.len()))?;
    }
    let broken = answer["problems"].as_array().is_some_and(|p| p.iter().any(|d| field(d, "severity") == "error"));
    Ok(if broken { Exit::Invalid } else { Exit::Fine })
}

async fn list(client: &Client, global: &Global) -> Outcome {
    let answer = client.call("GET", "/admin/jobs", None).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let jobs = answer["jobs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = jobs.iter().map(job_row).collect();
    say(&table::render(&["JOB", "STATE", "LAST RUN", "SCHEDULE", "NEXT", "STEPS"], &rows))?;
    Ok(Exit::Fine)
}

fn job_row(job: &Json) -> Vec<String> {
    let state = match (job["valid"].as_bool(), job["enabled"].as_bool(), job["active_run_id"].is_string()) {
        (Some(false), ..) => "INVALID",
        (_, _, true) => "RUNNING",
        (_, Some(false), _) => "disabled",
        _ => "enabled",
    };
    let last = match job.get("last_run") {
        Some(run) if run.is_object() => format!("{} {}", field(run, "status"), field(run, "queued_at")),
        _ => "-".to_owned(),
    };
    let schedule = match field(job, "schedule") {
        "" => "manual-only".to_owned(),
        text => format!("{text} {}", field(job, "timezone")),
    };
    let steps = job["step_count"].to_string();
    vec![field(job, "id").to_owned(), state.to_owned(), last, schedule, or_dash(field(job, "next_run_at")), steps]
}

async fn show(client: &Client, global: &Global, id: &str) -> Outcome {
    let job = client.call("GET", &format!("/admin/jobs/{}", escape(id)), None).await?;
    if global.json {
        say(&job.to_string())?;
        return Ok(Exit::Fine);
    }
    let source = &job["source"];
    let place = if source.is_object() {
        format!("{}:{}", field(source, "file"), source["line"])
    } else {
        "built in".to_owned()
    };
    say(&format!("{}  ({}, {place})", field(&job, "id"), field(&job, "app")))?;
    if !field(&job, "description").is_empty() {
        say(field(&job, "description"))?;
    }
    for schedule in job["schedules"].as_array().into_iter().flatten() {
        let next = schedule["next"].as_array().into_iter().flatten().filter_map(Json::as_str);
        let next: Vec<String> = next.map(|at| watch::wall(at, field(schedule, "timezone"))).collect();
        let next = if next.is_empty() { "no next fire".to_owned() } else { format!("next {}", next.join(", ")) };
        let off = if schedule["enabled"] == true { "" } else { " (off)" };
        let text = format!("{} {}{off}", field(schedule, "text"), field(schedule, "timezone"));
        let place = schedule["placement"].as_str().map(|place| format!(", placement {place}")).unwrap_or_default();
        say(&format!("schedule {}: {text}{place}, {next}", field(schedule, "name")))?;
    }
    let place = job["placement"].as_str().unwrap_or("here by hand, any by schedule");
    let limit = job["timeout_seconds"].as_u64().map(|seconds| format!("; timeout {seconds} s")).unwrap_or_default();
    let (overlap, restart) = (field(&job, "overlap"), field(&job, "on_restart"));
    say(&format!("placement {place}; on restart {restart}; overlap {overlap}{limit}"))?;
    say(&format!("params {}", job["params"]))?;
    let steps = job["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows: Vec<Vec<String>> = (1..)
        .zip(steps)
        .map(|(n, s): (usize, &Json)| {
            let off = if s["enabled"] == false { " (off)" } else { "" };
            vec![
                n.to_string(),
                format!("{}{off}", field(s, "name")),
                field(s, "type").to_owned(),
                field(s, "summary").to_owned(),
            ]
        })
        .collect();
    say(&table::render(&["#", "STEP", "TYPE", "WHAT"], &rows))?;
    Ok(Exit::Fine)
}

/// `key=value`, the value as JSON when it is JSON.
pub(crate) fn pair(text: &str) -> Result<(&str, Json), Failure> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| Failure::new(Exit::Usage, format!("`{text}` is not of the form key=value")))?;
    Ok((key, serde_json::from_str(value).unwrap_or_else(|_| Json::from(value))))
}

fn overrides(args: &RunArgs) -> Result<JsonMap, Failure> {
    let mut body = JsonMap::new();
    let mut params = JsonMap::new();
    for text in &args.params {
        let (key, value) = pair(text)?;
        params.insert(key.to_owned(), value);
    }
    let mut kwargs = JsonMap::new();
    for text in &args.op_kwargs {
        let (path, value) = pair(text)?;
        let (step, key) = path
            .split_once('.')
            .ok_or_else(|| Failure::new(Exit::Usage, format!("`{text}` is not of the form step.key=value")))?;
        let of_step = kwargs.entry(step).or_insert_with(|| Json::Object(JsonMap::new()));
        if let Json::Object(map) = of_step {
            map.insert(key.to_owned(), value);
        }
    }
    let skips: JsonMap = args.skip.iter().map(|step| (step.clone(), Json::Bool(false))).collect();
    for (key, map) in [("params", params), ("op_kwargs", kwargs), ("step_enabled", skips)] {
        if !map.is_empty() {
            body.insert(key.to_owned(), map.into());
        }
    }
    for (key, text) in [("preset", &args.preset), ("log_level", &args.log_level), ("placement", &args.placement)] {
        if let Some(text) = text {
            body.insert(key.to_owned(), text.as_str().into());
        }
    }
    Ok(body)
}

async fn start(client: &Client, global: &Global, args: RunArgs) -> Outcome {
    let body = Json::Object(overrides(&args)?);
    let answer = client.call("POST", &format!("/admin/jobs/{}/run", escape(&args.id)), Some(&body)).await?;
    let run = field(&answer, "run_id").to_owned();
    note_of_waiting(client, &run).await;
    if args.detach {
        say(&if global.json { answer.to_string() } else { run })?;
        return Ok(Exit::Fine);
    }
    if !global.json {
        say(&format!("run {run} of job {} ({})", args.id, field(&answer, "triggered_by")))?;
    }
    follow_to_end(client, &run, Show { json: global.json, all_lines: args.verbose, steps: true }).await
}

/// Says so when a run waits for a label that no process has: it would wait in silence, maybe for ever.
async fn note_of_waiting(client: &Client, run: &str) {
    let Ok(answer) = client.call("GET", &format!("/admin/jobs/runs/{run}"), None).await else { return };
    let found = &answer["run"];
    let Some(label) = field(found, "placement").strip_prefix("label:") else { return };
    let Ok(scheduler) = client.call("GET", "/admin/scheduler", None).await else { return };
    let Some(replicas) = scheduler["replicas"].as_array() else { return };
    let has_label = |replica: &Json| replica["labels"].as_array().is_some_and(|all| all.iter().any(|one| one == label));
    if field(found, "status") == "QUEUED" && !replicas.iter().any(has_label) {
        eprintln!("note: run {run} waits for a process with the label `{label}`, and there is none");
    }
}

/// Shows a run until it ends. Whoever stops watching leaves a run of the server alone; a local one is cancelled.
pub(crate) async fn follow_to_end(client: &Client, run: &str, show: Show) -> Outcome {
    let following = watch::follow(client, run, show);
    tokio::pin!(following);
    tokio::select! {
        outcome = &mut following => return outcome,
        () = interrupted() => {}
    }
    if matches!(client, Client::Remote(_)) {
        say(&format!("run {run} goes on; stop it with: nomaflow job cancel {run}"))?;
        return Ok(Exit::RunFailed);
    }
    // A local run ends with its process, so it is cancelled properly first. It may have ended meanwhile.
    let _ = client.call("POST", &format!("/admin/jobs/runs/{run}/cancel"), None).await;
    following.await
}

/// Returns when the operator, or whoever supervises the command, wants it to end.
pub(crate) async fn interrupted() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

/// The run meant by `text`: a run id, else the run of a job.
async fn resolve_run(client: &Client, text: &str, in_flight: bool) -> Result<String, Failure> {
    if host_model::RunId::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let filter = if in_flight { "limit=20&status=QUEUED,RUNNING" } else { "limit=1" };
    // The job must exist or have existed: its runs say so.
    let answer = client.call("GET", &format!("/admin/jobs/runs?job={}&{filter}", escape(text)), None).await?;
    match answer["runs"].as_array().map(Vec::as_slice).unwrap_or_default() {
        [run] => Ok(field(run, "id").to_owned()),
        // Guessing would stop the wrong one.
        runs @ [_, _, ..] => {
            let named = runs.iter().map(|run| format!("{} ({})", field(run, "id"), field(run, "status")));
            let named = named.collect::<Vec<_>>().join(", ");
            Err(Failure::new(Exit::Usage, format!("job `{text}` has several runs in flight"))
                .hint(format!("name one of them: {named}")))
        }
        [] => {
            let which = if in_flight { "in flight" } else { "recorded" };
            Err(Failure::new(Exit::NotFound, format!("`{text}` is neither a run id nor a job with a run {which}")))
        }
    }
}

async fn cancel(client: &Client, global: &Global, run: &str) -> Outcome {
    let run = resolve_run(client, run, true).await?;
    let answer = client.call("POST", &format!("/admin/jobs/runs/{run}/cancel"), None).await?;
    say(&if global.json { answer.to_string() } else { format!("asked run {run} to stop (cli:{})", shell_user()) })?;
    Ok(Exit::Fine)
}

async fn history(client: &Client, global: &Global, id: &str, limit: u32) -> Outcome {
    let answer = client.call("GET", &format!("/admin/jobs/runs?job={}&limit={limit}", escape(id)), None).await?;
    let runs = answer["runs"].as_array().context("the answer has no runs")?;
    if runs.is_empty() {
        // Tells an unknown job from one that never ran.
        client.call("GET", &format!("/admin/jobs/{}", escape(id)), None).await?;
    }
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let rows: Vec<Vec<String>> = runs.iter().map(run_row).collect();
    say(&table::render(&["RUN", "STATUS", "TRIGGERED BY", "QUEUED", "FINISHED", "ROWS", "WHY"], &rows))?;
    Ok(Exit::Fine)
}

fn run_row(run: &Json) -> Vec<String> {
    let why = [field(run, "error"), field(run, "reason")].into_iter().find(|t| !t.is_empty()).unwrap_or_default();
    ["id", "status", "triggered_by", "queued_at"]
        .iter()
        .map(|key| field(run, key).to_owned())
        .chain([or_dash(field(run, "finished_at")), run["rows_affected"].to_string(), why.to_owned()])
        .collect()
}

pub(crate) async fn logs(client: &Client, global: &Global, run: &str, follow: bool) -> Outcome {
    let run = resolve_run(client, run, false).await?;
    if follow {
        let show = Show { json: global.json, all_lines: true, steps: false };
        watch::follow(client, &run, show).await?;
        why_silent(client, &run).await;
        return Ok(Exit::Fine);
    }
    let mut from = 0;
    loop {
        let page = client.call("GET", &format!("/admin/jobs/runs/{run}/logs?from={from}&limit=2500"), None).await?;
        let lines = page["lines"].as_array().context("the answer has no lines")?;
        for line in lines {
            say(&if global.json { line.to_string() } else { watch::render_line(line) })?;
        }
        from = match lines.last() {
            Some(last) => last["seq"].as_u64().unwrap_or(0) + 1,
            None => {
                if from == 0 {
                    why_silent(client, &run).await;
                }
                return Ok(Exit::Fine);
            }
        };
    }
}

/// Tells, beside an empty answer, what became of a run that has no line: it waits, or it was skipped. A server that is gone by
/// now has answered what was asked.
async fn why_silent(client: &Client, run: &str) {
    let Ok(answer) = client.call("GET", &format!("/admin/jobs/runs/{run}"), None).await else { return };
    if answer["log_total"].as_u64() != Some(0) {
        return;
    }
    let found = &answer["run"];
    let why = [field(found, "error"), field(found, "reason")].into_iter().find(|text| !text.is_empty());
    let why = why.map(|why| format!(", {why}")).unwrap_or_default();
    eprintln!("note: run {run} has no log line: it is {}{why}", field(found, "status"));
}
