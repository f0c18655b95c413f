//! `nomaflow run …`.

use host_model::Json;
use serde_json::json;

use crate::cli::{Global, ReplayArgs, Run};
use crate::client::{Client, escape};
use crate::command::job;
use crate::exit::{Exit, Outcome};
use crate::say;
use crate::watch::{Screen, Show, field};

/// Runs a `run` command.
pub(crate) async fn run(command: Run, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let outcome = match command {
        Run::Show { id } => show(&client, global, &id).await,
        Run::Logs { id, follow } => job::logs(&client, global, &id, follow).await,
        Run::Replay(args) => replay(&client, global, &args).await,
    };
    client.close().await;
    outcome
}

async fn show(client: &Client, global: &Global, id: &str) -> Outcome {
    let answer = client.call("GET", &format!("/admin/jobs/runs/{}", escape(id)), None).await?;
    if global.json {
        say(&answer.to_string())?;
        return Ok(Exit::Fine);
    }
    let run = &answer["run"];
    let due =
        run["scheduled_at"].as_str().map(|at| format!(", {} due {at}", field(run, "schedule"))).unwrap_or_default();
    let [id, job, by, queued] = ["id", "job_id", "triggered_by", "queued_at"].map(|key| field(run, key));
    say(&format!("run {id} of job {job} ({by}{due}), queued {queued}"))?;
    if let Some(of) = answer["run"]["replay_of"].as_str() {
        say(&format!("replay of run {of}"))?;
    }
    let steps: &[Json] = answer["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut screen = Screen::new(Show { json: false, all_lines: false, steps: true });
    steps.iter().for_each(|step| screen.step(step));
    screen.finish(&answer["run"], steps);
    Ok(Exit::Fine)
}

async fn replay(client: &Client, global: &Global, args: &ReplayArgs) -> Outcome {
    let definition = if args.current { "current" } else { "stored" };
    let body = json!({ "from_step": args.from, "definition": definition });
    let answer = client.call("POST", &format!("/admin/jobs/runs/{}/replay", escape(&args.id)), Some(&body)).await?;
    let run = answer["run_id"].as_str().unwrap_or_default();
    if args.detach {
        say(&if global.json { answer.to_string() } else { run.to_owned() })?;
        return Ok(Exit::Fine);
    }
    if !global.json {
        let job = answer["job_id"].as_str().unwrap_or_default();
        say(&format!("run {run} of job {job}, replay of run {}", args.id))?;
    }
    job::follow_to_end(client, run, Show { json: global.json, all_lines: args.verbose, steps: true }).await
}
