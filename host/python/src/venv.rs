//! Makes the virtual environment of an app, `plugins/<app>/.venv`, from its `requirements.txt`. Only ever on an operator's
//! word: a step that wants packages nobody installed fails and says so, and nothing is fetched while jobs run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::apps::{AppInterpreters, MADE_FOR, REQUIREMENTS, VENV};

/// Why there is no new environment.
#[derive(Debug, thiserror::Error)]
pub enum VenvError {
    /// No such folder below `plugins`.
    #[error("there is no app `{0}`")]
    NoApp(String),
    /// The operator names another interpreter for this app, so a `.venv` would never be used.
    #[error("app `{app}` runs on `{interpreter}`, as `[python.apps]` of app.toml says; its `.venv` would not be used")]
    Named {
        /// The app.
        app: String,
        /// What it runs on.
        interpreter: PathBuf,
    },
    /// A program failed; what it said is on standard error.
    #[error("`{program}` failed: {reason}")]
    Failed {
        /// What was started.
        program: String,
        /// How it ended.
        reason: String,
    },
    /// What the environment was made for cannot be noted.
    #[error("`{path}` cannot be written: {reason}")]
    Note {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

/// Makes, or makes anew, the environment of `app` with `base`, and installs what the app requires. What the programs say
/// goes to standard error. Steps of the app that begin meanwhile fail; those that run keep what they have loaded.
///
/// # Errors
/// [`VenvError`]; an environment that is not complete is removed.
pub fn make_venv(apps: &AppInterpreters, app: &str, base: &Path) -> Result<PathBuf, VenvError> {
    let folder = apps.folder_of(app);
    if app.is_empty() || !folder.is_dir() {
        return Err(VenvError::NoApp(app.to_owned()));
    }
    if apps.named.contains_key(app) {
        return Err(VenvError::Named { app: app.to_owned(), interpreter: apps.interpreter_of(app) });
    }
    let venv = folder.join(VENV);
    let made = fill(&folder, &venv, base);
    if made.is_err() {
        // Half an environment would be used by the next step.
        let _ = std::fs::remove_dir_all(&venv);
    }
    made.map(|()| venv)
}

fn fill(folder: &Path, venv: &Path, base: &Path) -> Result<(), VenvError> {
    run(Command::new(base).args(["-I", "-m", "venv", "--clear"]).arg(venv))?;
    let requirements = folder.join(REQUIREMENTS);
    let wanted = std::fs::read(&requirements).unwrap_or_default();
    if requirements.is_file() {
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement", REQUIREMENTS]);
        // Paths in the file are relative to it.
        run(pip.current_dir(folder))?;
    }
    let note = venv.join(MADE_FOR);
    std::fs::write(&note, wanted).map_err(|reason| VenvError::Note { path: note, reason })
}

fn run(command: &mut Command) -> Result<(), VenvError> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let program = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let failed = |reason: String| VenvError::Failed { program, reason };
    // Standard output belongs to whoever called this program.
    match command.stdin(Stdio::null()).stdout(std::io::stderr()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
