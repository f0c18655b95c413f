//! `cargo run -p plugin-builder -- [--all | NAME…]`: the command line of the builder, and nothing else.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use plugin_builder::{Outcome, build, find_guests};

const USAGE: &str = "usage: cargo run -p plugin-builder -- [--all | --list | NAME...]

Builds components from the guest workspace into target/components/<name>.wasm.
  --all    every guest: the plugins that ship and the test guests
  --list   name them, build nothing
  NAME     only these (without a name: the plugins that ship)";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}");
        return Ok(());
    }
    if let Some(unknown) =
        arguments.iter().find(|argument| argument.starts_with('-') && !["--all", "--list"].contains(&argument.as_str()))
    {
        anyhow::bail!("unknown option `{unknown}`\n{USAGE}");
    }
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the builder is not where it was compiled")?;
    let guests = find_guests(root)?;
    if arguments.iter().any(|argument| argument == "--list") {
        for guest in &guests {
            println!("{}", guest.name);
        }
        return Ok(());
    }
    let selected = if arguments.iter().any(|argument| argument == "--all") {
        guests
    } else if arguments.is_empty() {
        guests.into_iter().filter(|guest| guest.is_shipped).collect()
    } else {
        arguments
            .iter()
            .map(|name| {
                guests.iter().find(|guest| guest.name == *name).cloned().with_context(|| {
                    let known: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
                    format!("there is no guest `{name}`; there are {}", known.join(", "))
                })
            })
            .collect::<Result<_>>()?
    };
    for report in build(root, &selected)? {
        let what = match report.outcome {
            Outcome::Unchanged => "unchanged",
            Outcome::Built => "built",
        };
        println!("{:<16} {what:<10} {:>7} bytes  {}", report.name, report.bytes, report.path.display());
    }
    Ok(())
}
