//! Following a run on a terminal or in a pipe: the run's event stream, read again from the start whenever it breaks or
//! tells us that we fell behind, and drawn as steps with rows and rates.

mod screen;

use std::collections::HashMap;
use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use host_model::Json;

use crate::client::Client;
use crate::exit::{Exit, Failure, Outcome};
pub(crate) use screen::{Screen, Show, render_line};

/// Pause before a broken stream is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// A server that stays away this long ends the command; the run goes on.
const PATIENCE: u32 = 60;

/// Text of a field, empty when there is none.
pub(crate) fn field<'j>(json: &'j Json, key: &str) -> &'j str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// What was already shown, so that reading again shows nothing twice.
#[derive(Default)]
struct Seen {
    steps: HashMap<(u64, u64), String>,
    lines: u64,
}

/// Follows `run` until it is final; the answer is the exit code of the run.
pub(crate) async fn follow(client: &Client, run: &str, show: Show) -> Outcome {
    let mut screen = Screen::new(show);
    let mut seen = Seen::default();
    let mut failures = 0;
    loop {
        match follow_once(client, run, &mut screen, &mut seen).await {
            Ok(Some(exit)) => return Ok(exit),
            Ok(None) => failures = 0,
            Err(failure) if failure.exit == Exit::Unreachable && failures < PATIENCE && !seen.steps.is_empty() => {
                failures += 1;
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One stream, from a first look at the run to its end. `None` = the stream broke or asks to read again.
async fn follow_once(client: &Client, run: &str, screen: &mut Screen, seen: &mut Seen) -> Result<Option<Exit>, Failure> {
    // The stream first, then the look: whatever happens in between is in both, and shown once.
    let mut events = client.events(run).await?.eventsource();
    if let Some(exit) = look(client, run, screen, seen).await? {
        return Ok(Some(exit));
    }
    while let Some(event) = events.next().await {
        let Ok(event) = event else { return Ok(None) };
        let Ok(data) = serde_json::from_str::<Json>(&event.data) else { continue };
        match event.event.as_str() {
            "resync" | "bye" => return Ok(None),
            "step" if field(&data, "run_id") == run => step(&data, screen, seen),
            "progress" if field(&data, "run_id") == run => screen.progress(&data),
            "log" if field(&data, "run_id") == run => lines(&data, screen, seen),
            "run" if field(&data, "id") == run && is_final(&data) => {
                // The final look brings whatever the stream has not.
                return look(client, run, screen, seen).await;
            }
            _ => {}
        }
    }
    Ok(None)
}

fn is_final(run: &Json) -> bool {
    !matches!(field(run, "status"), "QUEUED" | "RUNNING")
}

/// Reads the run as it stands and shows what is new. The exit code once it is final.
async fn look(client: &Client, run: &str, screen: &mut Screen, seen: &mut Seen) -> Result<Option<Exit>, Failure> {
    let answer = client.call("GET", &format!("/admin/jobs/runs/{run}"), None).await?;
    for attempt in answer["steps"].as_array().into_iter().flatten() {
        step(attempt, screen, seen);
    }
    while screen.wants_lines() && seen.lines < answer["log_total"].as_u64().unwrap_or(0) {
        let path = format!("/admin/jobs/runs/{run}/logs?from={}&limit=5000", seen.lines);
        let page = client.call("GET", &path, None).await?;
        let before = seen.lines;
        lines(&page, screen, seen);
        if seen.lines == before {
            break;
        }
    }
    let run = &answer["run"];
    if !is_final(run) {
        return Ok(None);
    }
    screen.finish(run, answer["steps"].as_array().map(Vec::as_slice).unwrap_or_default());
    Ok(Some(if field(run, "status") == "SUCCEEDED" { Exit::Fine } else { Exit::RunFailed }))
}

fn step(data: &Json, screen: &mut Screen, seen: &mut Seen) {
    let key = (data["index"].as_u64().unwrap_or(0), data["attempt"].as_u64().unwrap_or(1));
    let status = field(data, "status");
    let last = seen.steps.insert(key, status.to_owned());
    if last.as_deref() != Some(status) && status != "PENDING" {
        screen.step(data);
    }
}

fn lines(data: &Json, screen: &mut Screen, seen: &mut Seen) {
    for line in data["lines"].as_array().into_iter().flatten() {
        let seq = line["seq"].as_u64().unwrap_or(0);
        if seq >= seen.lines {
            screen.line(line);
            seen.lines = seq + 1;
        }
    }
}
