//! Interpreters, the life of workers, and code that changes on disk.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host_model::{Json, StepErrorKind};
use host_python::{AppInterpreters, PythonConfig, PythonRunner};
use serde_json::json;

use crate::support::{apps, attempt, call, config, data, failure, interpreter, runner};

/// The test data on this interpreter.
fn on(interpreter: impl Into<PathBuf>) -> AppInterpreters {
    AppInterpreters { default: interpreter.into(), ..apps(&data()) }
}

async fn pid(runner: &PythonRunner) -> Json {
    call(runner, "basics:interpreter", json!({})).await["pid"].clone()
}

fn is_running(pid: &Json) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie has ended; its parent has not looked yet.
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

async fn wait_until_gone(pid: &Json) {
    let begun = Instant::now();
    while is_running(pid) {
        assert!(begun.elapsed() < Duration::from_secs(10), "process {pid} is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_worker_is_used_again_until_its_number_of_steps_is_reached() {
    let runner = PythonRunner::new(PythonConfig { recycle_after: 2, ..config() });
    let (first, second, third) = (pid(&runner).await, pid(&runner).await, pid(&runner).await);
    assert_eq!(first, second);
    assert_ne!(second, third);
    wait_until_gone(&first).await;
}

#[tokio::test]
async fn no_more_workers_run_than_configured() {
    let runner = PythonRunner::new(PythonConfig { max_workers: 1, ..config() });
    let (a, b) = tokio::join!(pid(&runner), pid(&runner));
    assert_eq!(a, b);
}

#[tokio::test]
async fn a_worker_that_a_step_has_changed_is_replaced_with_everything_it_started() {
    let runner = runner();
    for callable in [
        "crashing:leaves_a_thread",
        "crashing:leaves_an_environment",
        "crashing:leaves_a_child",
        "crashing:leaves_a_daemon",
    ] {
        let before = pid(&runner).await;
        let output = call(&runner, callable, json!({})).await;
        assert_ne!(pid(&runner).await, before, "{callable}");
        if let Some(child) = output.get("child") {
            wait_until_gone(child).await;
        }
    }
}

#[tokio::test]
async fn a_worker_killed_while_it_was_idle_is_not_noticed_by_the_next_step() {
    let runner = runner();
    let first = pid(&runner).await;
    Command::new("kill").args(["-9", &first.to_string()]).status().unwrap();
    wait_until_gone(&first).await;
    assert_ne!(pid(&runner).await, first);
}

#[tokio::test]
async fn dropping_the_runner_ends_its_workers() {
    let runner = runner();
    let worker = pid(&runner).await;
    drop(runner);
    wait_until_gone(&worker).await;
}

#[tokio::test]
async fn dropping_the_future_of_a_step_ends_its_worker() {
    let runner = runner();
    let attempt = attempt(json!({}));
    let pid = pid(&runner).await;
    tokio::select! {
        _ = attempt.run(&runner, "stopping:sleeps") => panic!("it sleeps for a minute"),
        () = attempt.voice.wait_for("begun") => {}
    }
    wait_until_gone(&pid).await;
}

#[tokio::test]
async fn an_edit_is_picked_up_by_the_next_run_even_within_the_same_second() {
    let plugins = tempfile::tempdir().unwrap();
    let app = plugins.path().join("shop");
    std::fs::create_dir_all(app.join("inner")).unwrap();
    std::fs::write(app.join("inner/part.py"), "VALUE = 0\n").unwrap();
    std::fs::write(app.join("sales.py"), "from inner import part\ndef value():\n    return part.VALUE\n").unwrap();
    let runner = PythonRunner::new(PythonConfig { apps: apps(plugins.path()), ..config() });
    for value in 0..6 {
        std::fs::write(app.join("inner/part.py"), format!("VALUE = {value}\n")).unwrap();
        assert_eq!(call(&runner, "sales:value", json!({})).await["rows_affected"], value);
    }
    // A broken edit breaks the step, a repaired one repairs it, and the root is on the path too.
    std::fs::write(app.join("inner/part.py"), "VALUE = \n").unwrap();
    assert!(failure(&runner, "sales:value", json!({})).await.message.starts_with("SyntaxError"));
    std::fs::write(app.join("inner/part.py"), "VALUE = 9\n").unwrap();
    assert_eq!(call(&runner, "shop.sales:value", json!({})).await["rows_affected"], 9);
    // A new app needs no restart either.
    std::fs::create_dir_all(plugins.path().join("other")).unwrap();
    std::fs::write(plugins.path().join("other/fresh.py"), "def value():\n    return 1\n").unwrap();
    assert_eq!(call(&runner, "fresh:value", json!({})).await["rows_affected"], 1);
    assert!(!app.join("__pycache__").exists(), "nothing is written among the author's files");
}

#[tokio::test]
async fn a_virtual_environment_is_honoured() {
    let folder = tempfile::tempdir().unwrap();
    let venv = folder.path().join("venv");
    let made = Command::new(interpreter()).args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let site = Command::new(venv.join("bin/python"))
        .args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        .output()
        .unwrap();
    let site = String::from_utf8(site.stdout).unwrap();
    std::fs::write(Path::new(site.trim()).join("only_here.py"), "def value():\n    return {'where': __file__}\n")
        .unwrap();
    let runner = PythonRunner::new(PythonConfig { apps: on(venv.join("bin/python")), ..config() });
    let output = call(&runner, "basics:interpreter", json!({})).await;
    assert_eq!(output["prefix"], json!(venv));
    assert_eq!(output["executable"], json!(venv.join("bin/python")));
    let output = call(&runner, "only_here:value", json!({})).await;
    assert!(output["where"].as_str().unwrap().starts_with(venv.to_str().unwrap()));
}

#[tokio::test]
async fn an_interpreter_that_cannot_serve_is_named_with_what_to_do() {
    let runner = PythonRunner::new(PythonConfig { apps: on("/no/such/python3"), ..config() });
    let error = failure(&runner, "basics:nothing", json!({})).await;
    let message = "a python step cannot run: no Python interpreter `/no/such/python3` was found";
    assert_eq!((error.kind, error.message.as_str()), (StepErrorKind::Definition, message));
    assert!(error.detail.contains("install Python 3.10 or newer"), "{}", error.detail);
}

#[tokio::test]
async fn a_worker_that_cannot_start_says_why() {
    let program = "/bin/false".into();
    let error = failure(&PythonRunner::new(PythonConfig { program, ..config() }), "basics:nothing", json!({})).await;
    assert_eq!(error.kind, StepErrorKind::Crashed);
    assert_eq!(error.message, "the Python worker ended before it was ready (exit status 1)");
}

#[tokio::test]
async fn a_library_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (script, library) = (folder.path().join("python3"), folder.path().join("libpython3.12.so.1.0"));
    let answer = json!({
        "executable": script, "version": [3, 12, 0], "implementation": "CPython", "free_threaded": false,
        "names": ["libpython3.12.so.1.0"], "folders": [folder.path()],
    });
    std::fs::write(&library, "not a library").unwrap();
    std::fs::write(&script, format!("#!/bin/sh\necho '{answer}'\n")).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let runner = PythonRunner::new(PythonConfig { apps: on(script), ..config() });
    let error = failure(&runner, "basics:nothing", json!({})).await;
    let message = format!(
        "the Python worker ended before it was ready (exit status 71): `{}` cannot be opened",
        library.display()
    );
    assert!(error.message.starts_with(&message), "{error}");
}

/// Not a test of its own: the host that the next test kills. It says the id of its worker and waits.
#[tokio::test]
#[ignore = "started by another test"]
async fn a_host_to_be_killed() {
    let runner = runner();
    let attempt = attempt(json!({}));
    let speak = async {
        loop {
            let worker = attempt.voice.texts().into_iter().find(|line| line.starts_with("worker "));
            if let Some(worker) = worker {
                println!("\n{worker}");
                return std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::join!(attempt.fail(&runner, "stopping:outlives_everything"), speak);
}

#[tokio::test]
async fn a_worker_dies_with_a_host_that_is_killed_whatever_it_is_doing() {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "environment::a_host_to_be_killed", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.starts_with("worker ")).unwrap();
    let worker: Json = line.trim_start_matches("worker ").parse().unwrap();
    assert!(is_running(&worker));
    host.kill().unwrap();
    host.wait().unwrap();
    wait_until_gone(&worker).await;
}

#[test]
fn a_worker_started_by_hand_explains_itself() {
    let output = Command::new(config().program).arg("python-worker").output().unwrap();
    assert!(!output.status.success());
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(words.trim(), "`python-worker` is started by nomaflow itself, not by hand");
}
