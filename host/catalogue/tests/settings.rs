//! Settings: which layer wins, what is refused, and that nothing wrong leaves a setting without a value.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::Path;

use host_catalogue::{Flags, LoadedSettings, Origin, Style, load_settings, render};
use host_model::connector::PoolAddress;

fn read(app_toml: &str, env: &[(&str, &str)], flags: &Flags) -> LoadedSettings {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("app.toml"), app_toml).unwrap();
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    load_settings(home.path(), &env, flags)
}

fn messages(loaded: &LoadedSettings) -> Vec<&str> {
    loaded.diagnostics.iter().map(|d| d.message.as_str()).collect()
}

#[test]
fn a_missing_file_and_an_empty_one_give_every_default() {
    let home = tempfile::tempdir().unwrap();
    let missing = load_settings(home.path(), &|_| None, &Flags::default());
    assert!(missing.diagnostics.is_empty());
    let settings = &missing.settings;
    assert_eq!(settings.listen.value.to_string(), "127.0.0.1:8000");
    assert_eq!((settings.drain_seconds.value, settings.history_days.value), (20, 90));
    assert_eq!((settings.max_concurrent_runs.value, settings.python_workers.value), (16, 2));
    assert_eq!(settings.python_interpreter.value, "python3");
    assert!(settings.scheduler_enabled.value && settings.watch.value);
    assert_eq!(settings.store.value, PoolAddress::Sqlite { path: home.path().join("data/nomaflow.db") });
    assert_eq!(settings.plugins_dir(home.path()), home.path().join("plugins"));
    assert_eq!(settings.listen.origin, Origin::Default);
    assert!(read("", &[], &Flags::default()).diagnostics.is_empty());
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\n[jobs]\nhistory_days = 1\nscheduler_enabled = true\n";
    let env = [
        ("NOMAFLOW_SERVER_LISTEN", "127.0.0.1:2"),
        ("LIBERTY_RUN_HISTORY_DAYS", "7"),
        ("LIBERTY_SCHEDULER_ENABLED", "no"),
    ];
    let flags = Flags { listen: Some("localhost:3".into()), ..Flags::default() };

    let from_file = read(file, &[], &Flags::default()).settings;
    assert_eq!((from_file.listen.value.port(), from_file.listen.origin), (1, Origin::File { line: 2 }));
    let from_env = read(file, &env, &Flags::default()).settings;
    assert_eq!(
        (from_env.listen.value.port(), from_env.listen.origin.to_string().as_str()),
        (2, "NOMAFLOW_SERVER_LISTEN")
    );
    assert_eq!((from_env.history_days.value, from_env.scheduler_enabled.value), (7, false));
    let from_flag = read(file, &env, &flags).settings;
    assert_eq!((from_flag.listen.value.port(), from_flag.listen.origin), (3, Origin::Flag("--listen")));
}

#[test]
fn a_switch_is_read_from_the_file_and_from_the_environment() {
    let off = read("[server]\nwatch = false\n", &[], &Flags::default()).settings.watch;
    assert_eq!((off.value, off.origin), (false, Origin::File { line: 2 }));
    let env = [("NOMAFLOW_SERVER_WATCH", "on")];
    let on = read("[server]\nwatch = false\n", &env, &Flags::default()).settings.watch;
    assert_eq!((on.value, on.origin.to_string().as_str()), (true, "NOMAFLOW_SERVER_WATCH"));
    let wrong = read("[server]\nwatch = \"no\"\n", &[], &Flags::default());
    assert_eq!((wrong.diagnostics.len(), wrong.settings.watch.value), (1, true));
}

#[test]
fn the_plugins_folder_is_the_sibling_of_the_apps_folder() {
    let loaded = read("", &[("LIBERTY_APPS_DIR", "/srv/liberty/apps")], &Flags::default());
    assert_eq!(loaded.settings.plugins_dir(Path::new("/home")), Path::new("/srv/liberty/plugins"));
}

#[test]
fn everything_wrong_is_said_at_once_and_the_next_layer_counts() {
    let file = "[server]\nlisten = \"nowhere\"\nport = 1\n[store]\nurl = \"mysql://u:pw@h/d\"\n[jobs]\nhistory_days = 0\n\
                [limits]\nper_tag = 1\n[auth]\n[sever]\n";
    let loaded = read(file, &[("NOMAFLOW_SERVER_DRAIN_SECONDS", "soon")], &Flags::default());
    assert_eq!(
        messages(&loaded),
        [
            "`listen` of `[server]`: `nowhere` is not an address and a port, like `127.0.0.1:8000`",
            "unknown key `port` in `[server]`",
            "`url` of `[store]`: `mysql` is not supported yet",
            "`history_days` is 0; allowed are 1 to 3650",
            "`per_tag` in `[limits]` is not supported yet",
            "unknown key `sever` in the file",
            "`NOMAFLOW_SERVER_DRAIN_SECONDS`: `soon` is not a whole number from 0 to 86400",
        ]
    );
    assert_eq!(loaded.settings.drain_seconds.value, 20);
    let drawn = render(&loaded.diagnostics, &loaded.sources, Style::Plain);
    assert!(drawn.contains("--> app.toml:3:1") && drawn.ends_with("7 errors, 0 warnings\n"), "{drawn}");
    assert!(!drawn.contains("pw@"), "{drawn}");
}

#[test]
fn a_syntax_error_leaves_the_settings_of_other_lines() {
    let loaded = read("[jobs]\nhistory_days = \nmax_concurrent_runs = 4\n", &[], &Flags::default());
    assert_eq!(loaded.diagnostics.len(), 1, "{:?}", messages(&loaded));
    assert_eq!(loaded.settings.max_concurrent_runs.value, 4);
    assert_eq!(loaded.settings.history_days.value, 90);
}
