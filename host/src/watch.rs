//! Following a run on a terminal or in a pipe: the run's event stream, read again from the start whenever it breaks or
//! tells us that we fell behind, and drawn as steps with rows and rates.

mod screen;
mod usage;

use std::collections::HashMap;
use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use host_model::Json;
use host_model::schedule::rfc3339_in;

use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
pub(crate) use screen::{Screen, Show, render_line, visible};
pub(crate) use usage::usage_line;

/// Pause before a broken stream is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// A server that stays away this long ends the command; the run goes on.
const PATIENCE: u32 = 60;

/// Text of a field, empty when there is none.
pub(crate) fn field<'j>(json: &'j Json, key: &str) -> &'j str {
    json.get(key).and_then(Json::as_str).unwrap_or_default()
}

/// An instant of the API as the clocks of a zone show it; as it came where one of the two cannot be read.
pub(crate) fn wall(at: &str, zone: &str) -> String {
    match (at.parse::<host_model::Instant>(), zone.parse()) {
        (Ok(at), Ok(zone)) => rfc3339_in(at, zone),
        _ => at.to_owned(),
    }
}

/// What was already shown, so that reading again shows nothing twice.
#[derive(Default)]
struct Seen {
    /// How far each attempt was: pending, running, over.
    steps: HashMap<(u64, u64), u8>,
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
                client.look_again();
            }
            Err(failure) => return Err(failure),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One stream, from a first look at the run to its end. `None` = the stream broke or asks to read again.
async fn follow_once(
    client: &Client,
    run: &str,
    screen: &mut Screen,
    seen: &mut Seen,
) -> Result<Option<Exit>, Failure> {
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
        if screen.is_closed() {
            return Ok(Some(Exit::Fine));
        }
    }
    Ok(None)
}

fn is_final(run: &Json) -> bool {
    !matches!(field(run, "status"), "QUEUED" | "RUNNING")
}

/// Reads the run as it stands and shows what is new. The exit code once it is final.
async fn look(client: &Client, run: &str, screen: &mut Screen, seen: &mut Seen) -> Result<Option<Exit>, Failure> {
    let answer = client.call("GET", &format!("/admin/jobs/runs/{}", escape(run)), None).await?;
    for attempt in answer["steps"].as_array().into_iter().flatten() {
        step(attempt, screen, seen);
    }
    while seen.lines < answer["log_total"].as_u64().unwrap_or(0) {
        let path = format!("/admin/jobs/runs/{}/logs?from={}&limit=2500", escape(run), seen.lines);
        let page = client.call("GET", &path, None).await?;
        let before = seen.lines;
        lines(&page, screen, seen);
        if seen.lines == before {
            break;
        }
    }
    let run = &answer["run"];
    if screen.is_closed() {
        return Ok(Some(Exit::Fine));
    }
    if !is_final(run) {
        return Ok(None);
    }
    screen.finish(run, answer["steps"].as_array().map(Vec::as_slice).unwrap_or_default());
    Ok(Some(if field(run, "status") == "SUCCEEDED" { Exit::Fine } else { Exit::RunFailed }))
}

fn step(data: &Json, screen: &mut Screen, seen: &mut Seen) {
    let key = (data["index"].as_u64().unwrap_or(0), data["attempt"].as_u64().unwrap_or(1));
    let stage = match field(data, "status") {
        "PENDING" => 0,
        "RUNNING" => 1,
        _ => 2,
    };
    // An event may be older than a look that was taken after the stream was opened: an attempt never goes back.
    let last = seen.steps.get(&key).copied();
    if last.is_none_or(|last| stage > last) {
        seen.steps.insert(key, stage);
        if stage > 0 {
            screen.step(data);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_older_than_the_last_look_changes_nothing() {
        let mut screen = Screen::new(Show { json: false, all_lines: false, steps: false });
        let mut seen = Seen::default();
        let attempt = |status: &str| json!({"index": 0, "attempt": 1, "status": status});
        for (status, stage) in [("PENDING", 0), ("SUCCEEDED", 2), ("RUNNING", 2), ("PENDING", 2)] {
            step(&attempt(status), &mut screen, &mut seen);
            assert_eq!(seen.steps[&(0, 1)], stage, "after {status}");
        }
        let page = |from: u64| json!({"lines": [{"seq": from}, {"seq": from + 1}]});
        for (from, next) in [(0, 2), (1, 3), (0, 3)] {
            lines(&page(from), &mut screen, &mut seen);
            assert_eq!(seen.lines, next);
        }
    }
}
