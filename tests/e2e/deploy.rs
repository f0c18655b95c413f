//! What `docs/deploy` hands out works as written: the commands of the systemd unit and of the container file are run here with
//! the built program in the place of the installed one.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use test_support::{Host, TempHome};

use crate::program::{BINARY, nomaflow, root};

fn deployed(name: &str) -> String {
    std::fs::read_to_string(root().join("docs/deploy").join(name)).unwrap()
}

/// The values of a key of the unit, in their order.
fn of_unit<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// The words behind an instruction of the container file, as the list that stands there.
fn of_container(file: &str, instruction: &str) -> Vec<String> {
    let line = file.lines().find(|line| line.starts_with(instruction)).unwrap_or_else(|| panic!("no {instruction}"));
    let list: Value = serde_json::from_str(&line[line.find('[').unwrap()..]).unwrap_or_else(|e| panic!("{line}: {e}"));
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// A script that runs `words` with the built program found as `nomaflow`, whatever it is called with.
fn script(folder: &TempHome, words: &[String]) -> PathBuf {
    let bin = folder.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["nomaflow", "liberty-admin"] {
        symlink(BINARY, bin.join(name)).unwrap();
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    let text = format!("#!/bin/sh\nPATH='{}':$PATH\nexport PATH\nexec {}\n", bin.display(), quoted.join(" "));
    let file = folder.write("start.sh", text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// A server as the script starts it: home and port are in its environment, as they are where it is deployed.
fn started(script: &Path, home: &Path) -> Host {
    Host::start_with(script, home, |start| {
        start.env("NOMAFLOW_HOME", home).env("NOMAFLOW_SERVER_LISTEN", "127.0.0.1:0").env_remove("NOMAFLOW_TOKEN");
    })
    .unwrap()
}

#[test]
fn the_unit_starts_reloads_and_stops_a_server() {
    let unit = deployed("nomaflow.service");
    let command = |key: &str| -> Vec<String> {
        let mut words = of_unit(&unit, key)[0].split_whitespace().map(str::to_owned);
        assert_eq!(words.next().as_deref(), Some("/usr/local/bin/nomaflow"), "{key}: where `make install` puts it");
        std::iter::once("nomaflow".to_owned()).chain(words).collect()
    };
    assert_eq!(of_unit(&unit, "Environment"), ["NOMAFLOW_HOME=/var/lib/nomaflow"]);
    assert_eq!((of_unit(&unit, "StateDirectory"), of_unit(&unit, "KillSignal")), (vec!["nomaflow"], vec!["SIGTERM"]));
    let folder = TempHome::new().unwrap();
    let home = folder.path().join("home");
    // As docs/deploy/README.md has it before the first start.
    nomaflow(folder.path(), &["init", home.to_str().unwrap()]).expect(0);
    let host = started(&script(&folder, &command("ExecStart")), &home);
    let reload = command("ExecReload");
    let reloaded = Command::new(BINARY).args(&reload[1..]).env("NOMAFLOW_HOME", &home).output().unwrap();
    assert!(reloaded.status.success() && said(&reloaded).contains("0 jobs, 0 problems"), "{}", said(&reloaded));
    let seconds: u64 = of_unit(&unit, "TimeoutStopSec")[0].parse().unwrap();
    let status = host.stop(Duration::from_secs(seconds)).unwrap();
    assert_eq!(status.code(), Some(0), "a stop is no failure, or it would be started again");
    // A store that is not there yet is tried again for ever; a command line that is wrong is not.
    assert_eq!((of_unit(&unit, "Restart"), of_unit(&unit, "StartLimitIntervalSec")), (vec!["on-failure"], vec!["0"]));
    std::fs::write(home.join("app.toml"), "[store]\nurl = \"postgres://nobody@127.0.0.1:1/none\"\n").unwrap();
    let away = nomaflow(&home, &["serve"]);
    let no_command = nomaflow(&home, &["sevre"]);
    let given_up: Vec<i32> =
        of_unit(&unit, "RestartPreventExitStatus")[0].split(' ').map(|code| code.parse().unwrap()).collect();
    assert!(away.code != 0 && !given_up.contains(&away.code), "{}", away.all());
    assert!(given_up.contains(&no_command.code), "{}", no_command.all());
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_container_makes_a_home_serves_it_and_is_healthy_as_long_as_it_answers() {
    let file = deployed("Containerfile");
    let entry = of_container(&file, "ENTRYPOINT");
    let folder = TempHome::new().unwrap();
    let home = folder.path().join("home");
    let with = |words: &[String]| script(&folder, &[&entry[..], words].concat());
    let run = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let output = Command::new(with(&words)).env("NOMAFLOW_HOME", &home).output().unwrap();
        std::fs::remove_dir_all(folder.path().join("bin")).unwrap();
        output
    };
    // Another command than the usual one, before there is a home.
    let checked = run(&["check"]);
    assert!(checked.status.success() && said(&checked).contains("0 of 0 jobs valid"), "{}", said(&checked));
    assert!(home.join("app.toml").is_file());
    assert_eq!(run(&["--local", "job", "show", "two words"]).status.code(), Some(4), "the exit code is the command's");

    let host = started(&with(&of_container(&file, "CMD")), &home);
    let port = host.url().rsplit(':').next().unwrap().to_owned();
    let health = of_container(&file, "HEALTHCHECK");
    assert!(health.iter().any(|word| word.contains("/8000 ")) && file.contains("NOMAFLOW_SERVER_LISTEN=0.0.0.0:8000"));
    let healthy = || {
        let words: Vec<String> = health.iter().map(|word| word.replace("8000", &port)).collect();
        Command::new(&words[0]).args(&words[1..]).output().unwrap()
    };
    assert!(healthy().status.success(), "{}", said(&healthy()));
    assert!(file.lines().any(|line| line == "STOPSIGNAL SIGTERM"));
    // The first process of the container is the server itself, or it would never hear of the stop.
    assert_eq!(host.stop(Duration::from_secs(60)).unwrap().code(), Some(0));
    assert!(!healthy().status.success(), "{}", said(&healthy()));
}

#[test]
fn the_image_is_built_with_what_the_sources_need_and_without_what_was_built_here() {
    let file = deployed("Containerfile");
    let version_of = |image: &str| -> Vec<u32> {
        let tag = file.split(&format!("library/{image}:")).nth(1).unwrap().split('-').next().unwrap();
        tag.split('.').map(|part| part.parse().unwrap()).collect()
    };
    let package: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("web/package.json")).unwrap()).unwrap();
    let needed = package["engines"]["node"].as_str().unwrap().trim_start_matches(">=").to_owned();
    let needed: Vec<u32> = needed.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version_of("node") >= needed, "{:?} is older than {needed:?}", version_of("node"));
    // A tag of one number follows the newest Rust.
    assert_eq!(version_of("rust"), [1]);
    for line in file.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let sources: Vec<&str> = line.split(' ').skip(1).collect();
        for source in &sources[..sources.len() - 1] {
            assert!(root().join(source).exists(), "{line}");
        }
    }
    let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
    let ignored: Vec<&str> = ignored.lines().collect();
    for folder in ["target", ".git", "web/dist", "**/node_modules", "plugins/*/target", "**/*.wasm"] {
        assert!(ignored.contains(&folder), "`{folder}` would go into the image's build");
    }
}
