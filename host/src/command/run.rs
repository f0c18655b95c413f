//! `nomaflow run …`.

use host_model::Json;

use crate::cli::{Global, Run};
use crate::client::{Client, escape};
use crate::exit::{Exit, Outcome};
use crate::say;
use crate::watch::{Screen, Show};

/// Runs a `run` command.
pub(crate) async fn run(command: Run, global: &Global) -> Outcome {
    let Run::Show { id } = command;
    let client = Client::open(global).await?;
    let answer = client.call("GET", &format!("/admin/jobs/runs/{}", escape(&id)), None).await;
    client.close().await;
    let answer = answer?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let steps: &[Json] = answer["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut screen = Screen::new(Show { json: false, all_lines: false, steps: true });
    steps.iter().for_each(|step| screen.step(step));
    screen.finish(&answer["run"], steps);
    Ok(Exit::Fine)
}
