//! Virtual environments with packages from outside, made once under the target folder. Only these tests need a package
//! index; what they fetch is pinned.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a command printed, or what it complained about.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

pub(crate) fn python() -> String {
    std::env::var("NOMAFLOW_PYTHON_INTERPRETER").unwrap_or_else(|_| "python3".to_owned())
}

/// The interpreter of a virtual environment with the pinned packages, installed with these options of pip. A finished
/// environment is recognised by the note in it; it is made under another name and moved, so that a test that is killed
/// leaves no half of one.
pub(crate) fn environment(name: &str, requirements: &Path, options: &[&str]) -> PathBuf {
    let facts = "import sys; print(sys.executable, sys.version.split()[0], sep='\\n')";
    let found = run(Command::new(python()).args(["-I", "-c", facts])).expect("a Python interpreter");
    let wanted = found + &std::fs::read_to_string(requirements).unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let interpreter = folder.join("bin/python");
    let is_made = || std::fs::read_to_string(folder.join("made-of")).is_ok_and(|made_of| made_of == wanted);
    if is_made() {
        return interpreter;
    }
    let fresh = folder.with_extension(std::process::id().to_string());
    run(Command::new(python()).args(["-I", "-m", "venv", "--without-pip"]).arg(&fresh)).expect("a virtual environment");
    let packages = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = run(Command::new(fresh.join("bin/python")).args(["-I", "-c", packages])).unwrap();
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "--no-input", "--quiet", "install", "--retries", "2", "--timeout", "20"]);
    pip.args(options).args(["--only-binary", ":all:", "--target", packages.trim(), "-r"]);
    if let Err(said) = run(pip.arg(requirements)) {
        let _ = std::fs::remove_dir_all(&fresh);
        let last = said.lines().rev().find(|line| line.starts_with("ERROR")).unwrap_or(said.trim()).to_owned();
        let file = requirements.display();
        panic!("pip cannot fetch {name}; give it an index, or PIP_FIND_LINKS with the wheels of {file}: {last}");
    }
    std::fs::write(fresh.join("made-of"), &wanted).unwrap();
    // Another test may have made it meanwhile, and uses it.
    if is_made() || std::fs::rename(&fresh, &folder).is_err() {
        if !is_made() {
            let _ = std::fs::remove_dir_all(&folder);
            std::fs::rename(&fresh, &folder).unwrap();
        }
        let _ = std::fs::remove_dir_all(&fresh);
    }
    interpreter
}
