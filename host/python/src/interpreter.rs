//! Finds out, once for each interpreter, what a worker needs to become it: its executable and its libpython. The
//! interpreter itself is asked, because only it knows where its distribution put the library. The answer is kept until
//! the file changes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// Oldest version whose stable interface our library is built for.
const OLDEST: (u32, u32) = (3, 10);

/// How long an interpreter may take to say what it is; a cold disk needs seconds.
const ANSWER_TIME: Duration = Duration::from_secs(20);

const QUESTION: &str = r#"
import json, platform, sys, sysconfig
var = sysconfig.get_config_var
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": platform.python_implementation(),
    "free_threaded": bool(var("Py_GIL_DISABLED")),
    "names": [n for n in (var("INSTSONAME"), var("LDLIBRARY")) if n and ".so" in n],
    "folders": [f for f in (var("LIBDIR"), sys.base_prefix + "/lib", var("LIBPL"),
                            "/usr/lib/" + (var("MULTIARCH") or "")) if f],
}))
"#;

/// An interpreter that a worker can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Its executable, absolute; inside a virtual environment the environment's own.
    pub executable: PathBuf,
    /// Its shared library, absolute.
    pub library: PathBuf,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
}

/// Why an interpreter cannot serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InterpreterError {
    /// No such file, or no such name on PATH.
    #[error("no Python interpreter `{0}` was found")]
    NotFound(String),
    /// It does not start or does not answer like a Python interpreter.
    #[error("`{executable}` does not work as a Python interpreter: {reason}")]
    Broken {
        /// The interpreter as configured.
        executable: String,
        /// What went wrong, with its own words where it had any.
        reason: String,
    },
    /// Older than the oldest version served.
    #[error("`{executable}` is Python {version}, and Python 3.10 or newer is needed")]
    TooOld {
        /// The interpreter as configured.
        executable: String,
        /// Its version.
        version: String,
    },
    /// Another implementation, or CPython without its global lock.
    #[error("`{executable}` is {found}, and only CPython with its global lock is supported")]
    Unsupported {
        /// The interpreter as configured.
        executable: String,
        /// What it is instead.
        found: String,
    },
    /// Built without a shared library, or the library is not installed.
    #[error("`{executable}` (Python {version}) has no shared library `{library}` in {searched}")]
    NoLibrary {
        /// The interpreter as configured.
        executable: String,
        /// Its version.
        version: String,
        /// The file that was looked for.
        library: String,
        /// Where.
        searched: String,
    },
}

impl InterpreterError {
    /// What the operator can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoLibrary { library, .. } => {
                let package = library.strip_suffix(".so.1.0").unwrap_or(library);
                format!(
                    "install it (Debian and Ubuntu: `apt install {package}`; Fedora: `dnf install python3-libs`; pyenv: \
                     PYTHON_CONFIGURE_OPTS=--enable-shared), or set `interpreter` under `[python]` in app.toml to one that has it"
                )
            }
            _ => "install Python 3.10 or newer with its shared library, or set `interpreter` under `[python]` in app.toml \
                  to one (a virtual environment's `bin/python` works)"
                .to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    executable: PathBuf,
    version: (u32, u32, u32),
    implementation: String,
    free_threaded: bool,
    names: Vec<String>,
    folders: Vec<PathBuf>,
}

/// Interpreters already asked, by file and time of its last change.
#[derive(Default)]
pub(crate) struct Interpreters {
    known: Mutex<HashMap<PathBuf, (SystemTime, Arc<Interpreter>)>>,
}

impl Interpreter {
    /// Asks the interpreter at `wanted`, a path or a name on PATH, what it is.
    ///
    /// # Errors
    /// When no worker can become it.
    pub async fn find(wanted: &Path) -> Result<Arc<Self>, InterpreterError> {
        Interpreters::default().find(wanted).await
    }
}

impl Interpreters {
    /// The interpreter `wanted`: a path, or a name to look for on PATH.
    pub(crate) async fn find(&self, wanted: &Path) -> Result<Arc<Interpreter>, InterpreterError> {
        let not_found = || InterpreterError::NotFound(wanted.display().to_string());
        let file = locate(wanted, std::env::var_os("PATH").as_deref()).ok_or_else(not_found)?;
        let changed_at = std::fs::metadata(&file).and_then(|m| m.modified()).map_err(|_| not_found())?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&file).cloned();
        if let Some((_, interpreter)) = known.filter(|(at, i)| *at == changed_at && i.library.exists()) {
            return Ok(interpreter);
        }
        let interpreter = Arc::new(examine(&file, ask(&file).await?)?);
        tracing::debug!(interpreter = %interpreter.executable.display(), library = %interpreter.library.display(), "python found");
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(file, (changed_at, Arc::clone(&interpreter)));
        Ok(interpreter)
    }
}

fn locate(wanted: &Path, path: Option<&std::ffi::OsStr>) -> Option<PathBuf> {
    if wanted.components().count() > 1 {
        return wanted.is_file().then(|| wanted.to_owned());
    }
    std::env::split_paths(path?).map(|folder| folder.join(wanted)).find(|candidate| candidate.is_file())
}

async fn ask(file: &Path) -> Result<Answer, InterpreterError> {
    let broken = |reason: String| InterpreterError::Broken { executable: file.display().to_string(), reason };
    let mut command = tokio::process::Command::new(file);
    // -I: neither the current folder nor PYTHON* variables take part in the answer.
    command.args(["-I", "-c", QUESTION]).stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(ANSWER_TIME, command.output()).await {
        Ok(output) => output.map_err(|error| broken(error.to_string()))?,
        Err(_) => return Err(broken(format!("it gave no answer within {} s", ANSWER_TIME.as_secs()))),
    };
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(broken(format!("{} {last}", output.status).trim_end().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|_| broken("its answer is not the expected one".to_owned()))
}

fn examine(file: &Path, answer: Answer) -> Result<Interpreter, InterpreterError> {
    let executable = file.display().to_string();
    let (major, minor, patch) = answer.version;
    let version = format!("{major}.{minor}.{patch}");
    if answer.implementation != "CPython" {
        return Err(InterpreterError::Unsupported { executable, found: answer.implementation });
    }
    if (major, minor) < OLDEST {
        return Err(InterpreterError::TooOld { executable, version });
    }
    if answer.free_threaded {
        return Err(InterpreterError::Unsupported {
            executable,
            found: "CPython built without its global lock".into(),
        });
    }
    let candidates = answer.folders.iter().flat_map(|folder| answer.names.iter().map(move |name| folder.join(name)));
    match candidates.into_iter().find(|candidate| candidate.is_file()) {
        Some(library) => Ok(Interpreter { executable: answer.executable, library, version: answer.version }),
        None => Err(InterpreterError::NoLibrary {
            executable,
            version,
            library: answer.names.first().cloned().unwrap_or_else(|| format!("libpython{major}.{minor}.so.1.0")),
            searched: answer.folders.iter().map(|f| format!("`{}`", f.display())).collect::<Vec<_>>().join(", "),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: (u32, u32, u32), folder: &Path) -> Answer {
        Answer {
            executable: "/opt/python/bin/python3".into(),
            version,
            implementation: "CPython".into(),
            free_threaded: false,
            names: vec![format!("libpython{}.{}.so.1.0", version.0, version.1)],
            folders: vec![folder.to_owned()],
        }
    }

    #[test]
    fn a_missing_library_is_named_with_the_package_that_has_it() {
        let empty = tempfile::tempdir().unwrap();
        let error = examine(Path::new("/usr/bin/python3"), answer((3, 11, 2), empty.path())).unwrap_err();
        assert!(error.to_string().contains("has no shared library `libpython3.11.so.1.0`"), "{error}");
        assert!(error.hint().contains("apt install libpython3.11`"), "{}", error.hint());
    }

    #[test]
    fn an_old_version_another_implementation_and_a_lockless_build_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libpython3.9.so.1.0"), "").unwrap();
        let error = examine(Path::new("py"), answer((3, 9, 18), folder.path())).unwrap_err();
        assert_eq!(error.to_string(), "`py` is Python 3.9.18, and Python 3.10 or newer is needed");
        let other = Answer { implementation: "PyPy".into(), ..answer((3, 11, 0), folder.path()) };
        assert!(examine(Path::new("py"), other).unwrap_err().to_string().contains("is PyPy"));
        let lockless = Answer { free_threaded: true, ..answer((3, 13, 0), folder.path()) };
        assert!(matches!(examine(Path::new("py"), lockless), Err(InterpreterError::Unsupported { .. })));
    }

    #[tokio::test]
    async fn a_file_that_is_no_interpreter_is_told_from_one_that_is_absent() {
        let interpreters = Interpreters::default();
        let error = interpreters.find(Path::new("/no/such/python")).await.unwrap_err();
        assert_eq!(error, InterpreterError::NotFound("/no/such/python".into()));
        let error = interpreters.find(Path::new("/bin/false")).await.unwrap_err();
        assert!(matches!(error, InterpreterError::Broken { .. }), "{error}");
        assert!(interpreters.find(Path::new("python-that-nobody-has")).await.is_err());
    }

    #[test]
    fn a_bare_name_is_looked_for_on_path_and_a_path_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("python-here");
        std::fs::write(&file, "").unwrap();
        assert_eq!(locate(Path::new("python-here"), Some(folder.path().as_os_str())), Some(file.clone()));
        assert_eq!(locate(&file, None), Some(file));
        assert_eq!(locate(Path::new("python-here"), None), None);
    }
}
