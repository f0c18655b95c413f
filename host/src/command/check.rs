//! `nomaflow check`: settings, connectors and every job, without starting anything.

use std::io::IsTerminal as _;

use host_catalogue::{Catalogue, Flags, Style, load_settings, render, summary};
use host_model::Json;
use host_model::diagnostic::{Diagnostic, Severity};
use serde_json::json;

use crate::assemble;
use crate::cli::Global;
use crate::exit::{Exit, Failure, Outcome};
use crate::home::{Home, env};
use crate::keeper::Reader;
use crate::say;

/// Checks and draws every finding.
pub(crate) fn run(global: &Global) -> Outcome {
    let home = Home::new(&global.home);
    if !home.path().is_dir() {
        return Err(Failure::new(
            Exit::Invalid,
            format!("the home directory `{}` does not exist", home.path().display()),
        ));
    }
    let mut settings = load_settings(home.path(), &env, &Flags::default());
    let catalogue = read(&assemble::reader(&home, &settings.settings)?);
    settings.diagnostics.extend(settings.check_limits(&catalogue));
    let style = if std::io::stdout().is_terminal() { Style::Colored } else { Style::Plain };
    let all: Vec<Diagnostic> = settings.diagnostics.iter().chain(&catalogue.diagnostics).cloned().collect();
    let broken = all.iter().any(|d| d.severity == Severity::Error);
    if global.json {
        let problems: Vec<Json> = all.iter().map(finding).collect();
        let answer =
            json!({ "jobs": catalogue.jobs.len(), "invalid_jobs": catalogue.invalid.len(), "problems": problems });
        say(&answer.to_string())?;
    } else {
        for (found, sources) in
            [(&settings.diagnostics, &settings.sources), (&catalogue.diagnostics, &catalogue.sources)]
        {
            if !found.is_empty() {
                let drawn = render(found, sources, style);
                // The summary is for everything together.
                say(drawn.trim_end().rsplit_once('\n').map_or("", |(front, _)| front).trim_end())?;
                say("")?;
            }
        }
        let valid = catalogue.jobs.len();
        say(&format!("{valid} of {} jobs valid; {}", valid + catalogue.invalid.len(), summary(&all)))?;
    }
    Ok(if broken { Exit::Invalid } else { Exit::Fine })
}

/// Reads everything, and says so when that takes long.
fn read(reader: &Reader) -> Catalogue {
    let catalogue = reader.read_soon();
    let compiling =
        catalogue.diagnostics.iter().filter(|found| found.code == "component-compiling" && found.job.is_none());
    match compiling.count() {
        0 => catalogue,
        n => {
            let them = if n == 1 {
                "a component, which is done once for each version of it"
            } else {
                "components, which is done once for each version of them"
            };
            eprintln!("compiling {them} …");
            reader.read()
        }
    }
}

fn finding(found: &Diagnostic) -> Json {
    json!({
        "code": found.code,
        "severity": found.severity.as_str(),
        "message": found.message,
        "file": found.file,
        "line": found.line,
        "column": found.column,
        "hint": found.hint,
        "job_id": found.job,
    })
}
