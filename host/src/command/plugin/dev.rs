//! `nomaflow plugin dev`: builds a project and runs its cases in the sandbox, then again after every change of its sources,
//! until interrupted. What does not build or hold is said, and the next change is waited for.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use plugin_builder::{Project, Tools};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::{built_line, cases};
use crate::cli::ProjectArgs;
use crate::command::job::interrupted;
use crate::exit::{Exit, Failure, Outcome};
use crate::say;

/// Editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(100);

pub(super) async fn run(args: &ProjectArgs) -> Outcome {
    let (project, tools) = super::open(args)?;
    let (sender, mut changes) = unbounded_channel();
    let watched = project.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let matters = match &event {
            Ok(event) => {
                !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| watched.is_source(path))
            }
            // Something was missed.
            Err(_) => true,
        };
        if matters {
            // Fails only while the command ends.
            let _ = sender.send(());
        }
    })
    .context("files cannot be watched")?;
    watch(&mut watcher, &project.folder)?;
    let mut interrupted = std::pin::pin!(interrupted());
    loop {
        let round = round(&project, &tools);
        tokio::select! {
            said = round => said?,
            () = &mut interrupted => return Ok(Exit::Fine),
        }
        say("waiting for a change (Ctrl-C ends)")?;
        tokio::select! {
            changed = next_change(&mut changes) => if !changed { return Ok(Exit::Fine) },
            () = &mut interrupted => return Ok(Exit::Fine),
        }
    }
}

/// The folder itself, and each below it that can hold sources: what is built in `target/` is a thousand folders.
fn watch(watcher: &mut notify::RecommendedWatcher, folder: &Path) -> Result<(), Failure> {
    let failed = || format!("`{}` cannot be watched", folder.display());
    watcher.watch(folder, RecursiveMode::NonRecursive).with_context(failed)?;
    for entry in std::fs::read_dir(folder).with_context(failed)?.filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules", "__pycache__"].contains(&name.as_ref())
        {
            watcher.watch(&path, RecursiveMode::Recursive).with_context(failed)?;
        }
    }
    Ok(())
}

/// Builds and runs once. An error is said and not passed on, unless nobody reads any more.
async fn round(project: &Project, tools: &Tools) -> Result<(), Failure> {
    let (building, with) = (project.clone(), tools.clone());
    let built = tokio::task::spawn_blocking(move || building.build(&with)).await.context("the build broke off")?;
    match built {
        Ok(built) => say(&built_line(&built))?,
        Err(error) => return say(&format!("not built: {error:#}")),
    }
    match cases::run_all(project).await {
        Ok(report) => report.say(),
        Err(failure) => say(&failure.to_string()),
    }
}

/// Waits for a change and the end of its burst. False when there will be none any more.
async fn next_change(changes: &mut UnboundedReceiver<()>) -> bool {
    if changes.recv().await.is_none() {
        return false;
    }
    while let Ok(Some(())) = timeout(QUIET, changes.recv()).await {}
    true
}
