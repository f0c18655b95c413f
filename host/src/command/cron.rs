//! `nomaflow cron` and `nomaflow job next`: when something fires, by the code of the scheduler. The first needs neither
//! a home nor a server; the second asks the API, like every `job` command.

use std::io::BufRead as _;
use std::ops::Range;

use chrono::Utc;
use host_catalogue::system_zone;
use host_model::Json;
use host_model::schedule::{RequestError, ScheduleRequest, ScheduleSpec, read_instant, rfc3339_in};
use serde_json::json;

use super::table;
use crate::cli::{CronArgs, Global};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// `nomaflow cron`.
pub(crate) fn run(args: &CronArgs, global: &Global) -> Outcome {
    if args.batch {
        return batch();
    }
    let text = args.expression.as_deref().unwrap_or_default();
    let (expression, every) = if args.every { (None, Some(text)) } else { (Some(text), None) };
    let request = ScheduleRequest {
        expression,
        every,
        timezone: args.timezone.as_deref(),
        gap: args.gap.as_deref(),
        fold: args.fold.as_deref(),
    };
    let spec = request.read(system_zone()).map_err(|error| usage(text, &error))?;
    let from = match &args.from {
        Some(from) => read_instant(from, spec.zone).map_err(|error| usage(text, &error))?,
        None => Utc::now(),
    };
    let shown = spec.preview(from, args.count as usize);
    let lines: Vec<String> = shown.fires.iter().map(|at| rfc3339_in(*at, spec.zone)).collect();
    if global.json {
        say(&json!(lines).to_string())?;
    } else if !lines.is_empty() {
        say(&lines.join("\n"))?;
    }
    if spec.never_fires() {
        eprintln!("warning: `{}` never fires: no date matches it", spec.kind);
    } else if lines.is_empty() {
        eprintln!("warning: `{}` does not fire again before the year 10000", spec.kind);
    }
    for note in shown.notes {
        eprintln!("note: {}", note.message);
    }
    Ok(Exit::Fine)
}

/// A wrong request; a mistake in the schedule's text is drawn under it.
fn usage(text: &str, error: &RequestError) -> Failure {
    let drawn = error.span().map(|span| format!("\n{}", underline(text, span))).unwrap_or_default();
    let failure = Failure::new(Exit::Usage, format!("{error}{drawn}"));
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The text with carets under `span`, both indented. Whatever would break the line is drawn as a blank.
fn underline(text: &str, span: Range<usize>) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let columns = |bytes: Range<usize>| text.get(bytes).map_or(0, |part| part.chars().count());
    let carets = "^".repeat(columns(span.clone()).max(1));
    format!("  {line}\n  {blank}{carets}", blank = " ".repeat(columns(0..span.start)))
}

/// Answers one request a line, `{"expression" or "every", "timezone", "from", "count", "gap", "fold"}`, with one line
/// each, `{"next": […]}` or `{"error", "hint", "offset", "len"}`: thousands of them without starting as many processes.
fn batch() -> Outcome {
    for (number, line) in (1..).zip(std::io::stdin().lock().lines()) {
        let number: usize = number;
        let line = line.map_err(|error| Failure::new(Exit::Usage, format!("cannot read line {number}: {error}")))?;
        let request: Json = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Exit::Usage, format!("line {number} is not JSON: {error}")))?;
        let answer = match read_request(&request) {
            Ok((spec, fires)) => {
                json!({ "next": fires.iter().map(|at| rfc3339_in(*at, spec.zone)).collect::<Vec<_>>() })
            }
            Err(error) => {
                let span = error.span();
                json!({
                    "error": error.to_string(),
                    "hint": error.hint(),
                    "offset": span.as_ref().map(|span| span.start),
                    "len": span.map(|span| span.len()),
                })
            }
        };
        say(&answer.to_string())?;
    }
    Ok(Exit::Fine)
}

fn read_request(request: &Json) -> Result<(ScheduleSpec, Vec<host_model::Instant>), RequestError> {
    let text = |key: &str| request.get(key).and_then(Json::as_str);
    let spec = ScheduleRequest {
        expression: text("expression"),
        every: text("every"),
        timezone: text("timezone"),
        gap: text("gap"),
        fold: text("fold"),
    }
    .read(system_zone())?;
    let from = text("from").map_or_else(|| Ok(Utc::now()), |from| read_instant(from, spec.zone))?;
    let count = request.get("count").and_then(Json::as_u64).unwrap_or(1);
    let fires = spec.upcoming(from).take(usize::try_from(count).unwrap_or(usize::MAX)).collect();
    Ok((spec, fires))
}

/// `nomaflow job next`.
pub(crate) async fn next(client: &Client, global: &Global, id: &str, count: u32) -> Outcome {
    let answer = client.call("GET", &format!("/admin/jobs/{}/next?count={count}", escape(id)), None).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let fires = answer["next"].as_array().map(Vec::as_slice).unwrap_or_default();
    if fires.is_empty() {
        say(field(&answer, "reason"))?;
        return Ok(Exit::Fine);
    }
    let row = |fire: &Json| ["local", "schedule", "timezone"].map(|key| field(fire, key).to_owned()).to_vec();
    say(&table::render(&["NEXT", "SCHEDULE", "TIMEZONE"], &fires.iter().map(row).collect::<Vec<_>>()))?;
    let scheduler = client.call("GET", "/admin/scheduler", None).await;
    if let Some(by) = scheduler.as_ref().ok().and_then(|answer| answer["paused_by"].as_str()) {
        eprintln!("note: the scheduler is paused by {by}: nothing fires until it is resumed");
    }
    Ok(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use super::underline;

    #[test]
    fn the_carets_stand_under_the_mistake() {
        assert_eq!(underline("0 24 * * *", 2..4), "  0 24 * * *\n    ^^");
        assert_eq!(underline("", 0..0), "  \n  ^");
        assert_eq!(underline("é\t99 * * *", 3..5), "  é 99 * * *\n    ^^", "columns are characters, a tab is a blank");
    }
}
