//! Following a run: over a restart of the server, on a terminal and in a pipe.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use test_support::{TempHome, wait_until};

use crate::program::{BINARY, command, home_with, nomaflow, serve};

const SOON: Duration = Duration::from_secs(60);

/// `slow` says how often it has begun, and ends once the gate is open.
fn home() -> TempHome {
    let home = home_with(
        "[[jobs]]\nid = \"slow\"\non_restart = \"resume\"\n[[jobs.steps]]\nname = \"s\"\ntype = \"python\"\n\
         callable = \"calls:slow\"\n",
    );
    let code = format!(
        "import pathlib, time\n\
         home = pathlib.Path({:?})\n\
         def slow(ctx):\n    \
             with open(home / 'begun', 'a') as f: f.write('x')\n    \
             n = len((home / 'begun').read_text())\n    \
             print(f'beginning {{n}}', flush=True)\n    \
             while not (home / 'gate').exists(): time.sleep(0.05)\n    \
             print('the end', flush=True)\n    \
             return {{}}\n",
        home.path().display().to_string()
    );
    home.write("plugins/test/calls.py", code).unwrap();
    home
}

fn beginnings(home: &TempHome) -> usize {
    home.read("begun").map(|text| text.len()).unwrap_or_default()
}

/// Collects what a stream says while it says it.
fn listen(mut stream: impl std::io::Read + Send + 'static) -> (Arc<Mutex<String>>, std::thread::JoinHandle<()>) {
    let heard = Arc::new(Mutex::new(String::new()));
    let keeping = Arc::clone(&heard);
    let thread = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            keeping.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    });
    (heard, thread)
}

#[test]
fn following_goes_on_over_a_server_that_is_killed_and_started_again_on_another_port() {
    let home = home();
    let host = serve(&home);
    let run = nomaflow(home.path(), &["job", "run", "slow", "--detach"]).expect(0).out.trim().to_owned();
    let mut follow = command(home.path());
    follow.args(["run", "logs", &run, "--follow"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut follow = follow.spawn().unwrap();
    let (heard, out) = listen(follow.stdout.take().unwrap());
    let (errors, err) = listen(follow.stderr.take().unwrap());
    wait_until(SOON, || heard.lock().unwrap().contains("beginning 1")).or_panic("the first lines are followed");
    let before = host.url().to_owned();
    host.kill();
    let host = serve(&home);
    assert_ne!(host.url(), before, "another port was taken");
    wait_until(SOON, || beginnings(&home) == 2).or_panic("the run is gone on with");
    wait_until(SOON, || heard.lock().unwrap().contains("beginning 2")).or_panic("its lines are followed again");
    home.write("gate", "").unwrap();
    let mut code = None;
    wait_until(SOON, || {
        code = follow.try_wait().unwrap();
        code.is_some()
    })
    .or_panic("following ends with the run");
    out.join().unwrap();
    err.join().unwrap();
    let (heard, errors) = (heard.lock().unwrap().clone(), errors.lock().unwrap().clone());
    assert_eq!(code.unwrap().code(), Some(0), "{heard}\n{errors}");
    for text in ["beginning 1", "beginning 2", "the end"] {
        assert_eq!(heard.matches(text).count(), 1, "`{text}` is shown once\n{heard}");
    }
    let all = nomaflow(home.path(), &["run", "logs", &run]).expect(0).out;
    assert_eq!(heard, all, "what was followed is the whole log");
}

/// Starts a command, opens the gate once it has said enough, and waits for its end. What it said, and how it ended.
fn watch(home: &TempHome, mut command: Command, enough: impl Fn(&str) -> bool) -> (String, Option<i32>) {
    let _ = std::fs::remove_file(home.path().join("gate"));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let (heard, out) = listen(child.stdout.take().unwrap());
    wait_until(SOON, || enough(&heard.lock().unwrap())).or_panic("the command shows the step");
    home.write("gate", "").unwrap();
    let code = child.wait().unwrap().code();
    out.join().unwrap();
    let heard = heard.lock().unwrap().clone();
    (heard, code)
}

#[test]
fn a_terminal_has_a_moving_bar_and_a_pipe_plain_lines() {
    let home = home();
    let _host = serve(&home);
    let mut piped = command(home.path());
    piped.args(["job", "run", "slow"]);
    let (plain, code) = watch(&home, piped, |heard| heard.contains("1. s (python) started\n"));
    assert_eq!(code, Some(0), "{plain}");
    assert!(!plain.contains('\u{1b}') && !plain.contains('\r'), "{plain:?}");
    assert!(plain.contains("✔ 1. s (python) SUCCEEDED"), "{plain:?}");

    let script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut terminal = Command::new("python3");
    terminal.args(["-c", script, BINARY, "--home"]).arg(home.path()).args(["job", "run", "slow"]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("NOMAFLOW_") || name.starts_with("LIBERTY_"))
    {
        terminal.env_remove(name);
    }
    terminal.env("TERM", "xterm").env("XDG_CONFIG_HOME", home.path().join("config")).env_remove("NO_COLOR");
    let drawn = |heard: &str| heard.matches("1. s (python)").count();
    let (shown, code) = watch(&home, terminal, |heard| drawn(heard) > 3 && heard.contains("\u{1b}["));
    assert_eq!(code, Some(0), "{shown:?}");
    assert!(!shown.contains("started") && shown.contains("✔ 1. s (python) SUCCEEDED"), "{shown:?}");
}
