//! Our schedules against croniter, the library most Python schedulers count with. The comparison and the table of known
//! differences are in `tests/croniter/check.py`; here it gets an interpreter with croniter in it, made once under the
//! target folder from pinned and hashed packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{BINARY, root};

/// What a command printed, or what it complained about.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

fn python() -> String {
    std::env::var("NOMAFLOW_PYTHON_INTERPRETER").unwrap_or_else(|_| "python3".to_owned())
}

/// The interpreter of a virtual environment with the pinned packages. A finished environment is recognised by the
/// note in it; it is made under another name and moved, so that a test that is killed leaves no half of one.
fn environment(requirements: &Path) -> PathBuf {
    let facts = "import sys; print(sys.executable, sys.version.split()[0], sep='\\n')";
    let found = run(Command::new(python()).args(["-I", "-c", facts])).expect("a Python interpreter");
    let wanted = found + &std::fs::read_to_string(requirements).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("croniter");
    let interpreter = folder.join("bin/python");
    if std::fs::read_to_string(folder.join("made-of")).is_ok_and(|made_of| made_of == wanted) {
        return interpreter;
    }
    let fresh = folder.with_extension(std::process::id().to_string());
    run(Command::new(python()).args(["-I", "-m", "venv", "--without-pip"]).arg(&fresh)).expect("a virtual environment");
    let packages = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = run(Command::new(fresh.join("bin/python")).args(["-I", "-c", packages])).unwrap();
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "--no-input", "--quiet", "install", "--retries", "2", "--timeout", "20"]);
    pip.args(["--require-hashes", "--no-deps", "--only-binary", ":all:", "--target", packages.trim(), "-r"]);
    if let Err(said) = run(pip.arg(requirements)) {
        let _ = std::fs::remove_dir_all(&fresh);
        let last = said.lines().rev().find(|line| line.starts_with("ERROR")).unwrap_or(said.trim()).to_owned();
        panic!(
            "pip cannot fetch croniter; give it an index, or PIP_FIND_LINKS with the wheels of tests/croniter/requirements.txt: {last}"
        );
    }
    std::fs::write(fresh.join("made-of"), wanted).unwrap();
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::rename(&fresh, &folder).unwrap();
    interpreter
}

#[test]
fn croniter_agrees_on_thousands_of_cron_texts_but_for_the_listed_differences() {
    let folder = root().join("tests/croniter");
    let python = environment(&folder.join("requirements.txt"));
    let mut check = Command::new(python);
    check.args(["-E", "-s", "-B"]).arg(folder.join("check.py"));
    check.args(["--nomaflow", BINARY, "--tzdb", chrono_tz::IANA_TZDB_VERSION]);
    match run(&mut check) {
        Ok(table) => println!("{table}"),
        Err(said) => panic!("{said}"),
    }
}
