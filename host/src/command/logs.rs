//! `nomaflow logs …`: through the API, so that everybody finds what they may see and no more.

use std::io::IsTerminal as _;

use host_model::Json;

use crate::cli::{Global, Logs, LogsSearchArgs};
use crate::client::{Client, escape};
use crate::exit::{Exit, Outcome};
use crate::say;
use crate::watch::field;

/// Runs a `logs` command.
pub(crate) async fn run(command: Logs, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let Logs::Search(args) = command;
    let outcome = search(&client, &args, global).await;
    client.close().await;
    outcome
}

async fn search(client: &Client, args: &LogsSearchArgs, global: &Global) -> Outcome {
    let words = args.words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let mut path = format!("/admin/logs/search?limit={}&q={}", args.limit, escape(&words));
    let jobs = (!args.jobs.is_empty()).then(|| args.jobs.join(","));
    let wanted =
        [("job", &jobs), ("level", &args.level), ("from", &args.from), ("to", &args.to), ("cursor", &args.cursor)];
    for (name, value) in wanted {
        if let Some(value) = value {
            path += &format!("&{name}={}", escape(value));
        }
    }
    let answer = client.call("GET", &path, None).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let is_colored = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let hits = answer["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut run = "";
    for hit in hits {
        if field(hit, "run_id") != run {
            run = field(hit, "run_id");
            say(&format!("run {run} of job {}", field(hit, "job_id")))?;
        }
        let text = if is_colored { highlighted(hit) } else { field(hit, "text").to_owned() };
        let step = hit["step"].as_str().map(|step| format!(" [{step}]")).unwrap_or_default();
        say(&format!("  {} {:<7} #{}{step} {text}", field(hit, "at"), field(hit, "level"), hit["number"]))?;
    }
    if let Some(from) = answer["indexed_from"].as_str() {
        eprintln!("note: lines from before {from} are still being indexed");
    }
    let next = answer["next_cursor"].as_str();
    match next {
        Some(next) if answer["incomplete"] == true => {
            eprintln!("note: the search took too long and stopped; go on with --cursor {next}, or narrow it");
        }
        Some(next) => eprintln!("note: there may be more; go on with --cursor {next}"),
        None if hits.is_empty() => say("no line has these words")?,
        None => {}
    }
    Ok(Exit::Fine)
}

/// A shell has taken the quotes off what was one argument.
fn quoted(argument: &str) -> String {
    let is_phrase = argument.contains(char::is_whitespace) && !argument.contains('"');
    if is_phrase { format!("\"{argument}\"") } else { argument.to_owned() }
}

/// The text with its marks in bold; they count in UTF-16 code units.
fn highlighted(hit: &Json) -> String {
    let units: Vec<u16> = field(hit, "text").encode_utf16().collect();
    let part = |from: usize, to: usize| String::from_utf16_lossy(units.get(from..to).unwrap_or_default());
    let (mut shown, mut done) = (String::new(), 0);
    for mark in hit["marks"].as_array().into_iter().flatten() {
        let place = |n: usize| mark[n].as_u64().and_then(|unit| usize::try_from(unit).ok()).unwrap_or(done);
        let (from, to) = (place(0), place(1));
        shown += &part(done, from);
        shown += &format!("\u{1b}[1m{}\u{1b}[0m", part(from, to));
        done = to;
    }
    shown + &part(done, units.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_bold_and_count_as_javascript_does() {
        let hit = serde_json::json!({ "text": "é😀 rows", "marks": [[0, 1], [4, 8]] });
        assert_eq!(highlighted(&hit), "\u{1b}[1mé\u{1b}[0m😀 \u{1b}[1mrows\u{1b}[0m");
    }

    #[test]
    fn an_argument_with_blanks_is_a_phrase() {
        assert_eq!([quoted("no table"), quoted("a \"b c\""), quoted("f00*")], ["\"no table\"", "a \"b c\"", "f00*"]);
    }
}
