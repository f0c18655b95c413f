//! `nomaflow audit …`: through the API, like everything a server has.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use host_model::Json;

use super::table::{self, or_dash};
use crate::cli::{Audit, AuditListArgs, Global};
use crate::client::{Client, escape};
use crate::exit::{Exit, Failure, Outcome};
use crate::say;
use crate::watch::field;

/// Runs an `audit` command.
pub(crate) async fn run(command: Audit, global: &Global) -> Outcome {
    let client = Client::open(global).await?;
    let ended = match command {
        Audit::List(args) => list(&client, &args, global).await,
        Audit::Verify { expect } => verify(&client, expect.as_deref(), global).await,
        Audit::Export { output, after } => export(&client, output.as_deref(), after).await,
    };
    client.close().await;
    ended
}

async fn list(client: &Client, args: &AuditListArgs, global: &Global) -> Outcome {
    let mut path = format!("/admin/audit?limit={}", args.limit);
    let wanted = [
        ("user", &args.user),
        ("action", &args.action),
        ("object", &args.object),
        ("outcome", &args.outcome),
        ("from", &args.from),
        ("to", &args.to),
    ];
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
    let row = |entry: &Json| {
        let mut cells = vec![entry["seq"].to_string()];
        let keys = ["at", "user", "source", "address", "action", "object", "outcome"];
        cells.extend(keys.map(|key| or_dash(field(entry, key))));
        cells
    };
    let rows: Vec<Vec<String>> = answer["entries"].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        say("the audit trail has no such entry")?;
        return Ok(Exit::Fine);
    }
    say(&table::render(&["SEQ", "AT", "USER", "BY", "FROM", "ACTION", "OBJECT", "OUTCOME"], &rows))?;
    Ok(Exit::Fine)
}

async fn verify(client: &Client, expect: Option<&str>, global: &Global) -> Outcome {
    let path = match expect {
        Some(expected) => format!("/admin/audit/verify?expect={}", escape(expected)),
        None => "/admin/audit/verify".to_owned(),
    };
    let answer = client.call("GET", &path, None).await?;
    let is_sound = answer["ok"] == true;
    if global.json {
        say(&answer.to_string())?;
    } else if is_sound {
        let last = format!("{}:{}", answer["last"]["seq"], field(&answer["last"], "hash"));
        say(&format!("{} entries are sound; the last one is {last}", answer["entries"]))?;
    } else {
        let why = field(&answer, "why");
        say(&format!("the trail is broken at entry {}: {why}", answer["broken_at"]))?;
    }
    Ok(if is_sound { Exit::Fine } else { Exit::RunFailed })
}

async fn export(client: &Client, output: Option<&Path>, after: u64) -> Outcome {
    let mut lines = client.stream(&format!("/admin/audit/export?after={after}")).await?;
    let mut out: Box<dyn std::io::Write + Send> = match output {
        Some(path) => {
            let file = std::fs::File::create(path);
            Box::new(std::io::BufWriter::new(file.with_context(|| format!("cannot write `{}`", path.display()))?))
        }
        None => Box::new(std::io::stdout()),
    };
    while let Some(chunk) = lines.next().await {
        let chunk = chunk.context("the server stopped in the middle of the export")?;
        written(out.write_all(&chunk))?;
    }
    written(out.flush())?;
    Ok(Exit::Fine)
}

/// A reader that has gone ends the command quietly.
fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Fine, "standard output is closed"))
        }
        Err(error) => Err(Failure::new(Exit::RunFailed, format!("cannot write the export: {error}"))),
    }
}
