//! Settings: which layer wins, what is refused, and that nothing wrong leaves a setting without a value.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it stands")]

use std::path::Path;

use host_catalogue::{Flags, LoadOptions, LoadedSettings, Origin, Role, Style, load, load_settings, render};
use host_model::connector::PoolAddress;
use host_model::placement::Limits;

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
    assert_eq!((settings.max_concurrent_runs.value, settings.python.workers.value), (16, 2));
    assert_eq!(settings.python.interpreter.value, "python3");
    assert!(settings.scheduler_enabled.value && settings.watch.value);
    assert_eq!(settings.store.value, PoolAddress::Sqlite { path: home.path().join("data/nomaflow.db") });
    assert_eq!(settings.plugins_dir(home.path()), home.path().join("plugins"));
    assert_eq!(settings.listen.origin, Origin::Default);
    assert!(read("", &[], &Flags::default()).diagnostics.is_empty());
}

#[test]
fn python_has_its_limits_and_an_app_its_interpreter_also_from_the_environment() {
    let file = "[python]\nmemory_mb = 300\nrecycle_steps = 7\n[python.apps]\nshop = '/opt/shop/bin/python'\nbad = 3\n";
    let loaded = read(file, &[], &Flags::default());
    let python = &loaded.settings.python;
    assert_eq!((python.memory_mb.value, python.recycle_steps.value, python.recycle_memory_mb.value), (300, 7, 512));
    assert_eq!(python.apps.value, [("shop".to_owned(), "/opt/shop/bin/python".to_owned())].into());
    assert_eq!(messages(&loaded), ["`bad` must be the path of an interpreter, found the number `3`"]);
    let env = [("NOMAFLOW_PYTHON_APPS", "a=python3.12, b=/x/python"), ("NOMAFLOW_PYTHON_MEMORY_MB", "0")];
    let loaded = read(file, &env, &Flags::default());
    assert_eq!(loaded.settings.python.memory_mb.value, 0);
    assert_eq!(loaded.settings.python.apps.value.keys().collect::<Vec<_>>(), ["a", "b"]);
    let loaded = read("", &[("NOMAFLOW_PYTHON_APPS", "a")], &Flags::default());
    assert_eq!(messages(&loaded), ["`NOMAFLOW_PYTHON_APPS`: `a` is not of the form app=interpreter"]);
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
                [limits]\nper_tag = 1\n[auth]\nmode = \"oidc\"\n[sever]\n";
    let loaded = read(file, &[("NOMAFLOW_SERVER_DRAIN_SECONDS", "soon")], &Flags::default());
    assert_eq!(
        messages(&loaded),
        [
            "`listen` of `[server]`: `nowhere` is not an address and a port, like `127.0.0.1:8000`",
            "unknown key `port` in `[server]`",
            "`url` of `[store]`: `mysql` is not possible here",
            "`history_days` is 0; allowed are 1 to 3650",
            "unknown key `mode` in `[auth]`",
            "unknown key `per_tag` in `[limits]`",
            "unknown key `sever` in the file",
            "`NOMAFLOW_SERVER_DRAIN_SECONDS`: `soon` is not a whole number from 0 to 86400",
        ]
    );
    assert_eq!(loaded.settings.drain_seconds.value, 20);
    let drawn = render(&loaded.diagnostics, &loaded.sources, Style::Plain);
    assert!(drawn.contains("--> app.toml:3:1") && drawn.ends_with("8 errors, 0 warnings\n"), "{drawn}");
    assert!(!drawn.contains("pw@"), "{drawn}");
}

#[test]
fn a_syntax_error_leaves_the_settings_of_other_lines() {
    let loaded = read("[jobs]\nhistory_days = \nmax_concurrent_runs = 4\n", &[], &Flags::default());
    assert_eq!(loaded.diagnostics.len(), 1, "{:?}", messages(&loaded));
    assert_eq!(loaded.settings.max_concurrent_runs.value, 4);
    assert_eq!(loaded.settings.history_days.value, 90);
}

#[test]
fn labels_and_role_come_from_flags_environment_or_file() {
    let file = "[server]\nrole = \"worker\"\nlabels = [\"big\", \"gpu-1\", \"big\"]\n";
    let from_file = read(file, &[], &Flags::default()).settings;
    assert_eq!((from_file.role.value, from_file.role.origin), (Role::Worker, Origin::File { line: 2 }));
    assert_eq!(from_file.labels.value, ["big", "gpu-1"]);
    let env = [("NOMAFLOW_SERVER_ROLE", "server"), ("NOMAFLOW_SERVER_LABELS", " near, far,,near ")];
    let from_env = read(file, &env, &Flags::default()).settings;
    assert_eq!((from_env.role.value, from_env.labels.value), (Role::Server, vec!["near".to_owned(), "far".to_owned()]));
    let flags = Flags { role: Some("worker".into()), labels: vec!["here".into(), "there".into()], ..Flags::default() };
    let from_flag = read(file, &env, &flags).settings;
    assert_eq!((from_flag.role.origin, from_flag.labels.origin), (Origin::Flag("--role"), Origin::Flag("--label")));
    assert_eq!((from_flag.role.value, from_flag.labels.value.join(" ")), (Role::Worker, "here there".to_owned()));

    let wrong = read(
        "[server]\nrole = \"wroker\"\nlabels = [\"a b\"]\n",
        &[("NOMAFLOW_SERVER_LABELS", "ok,not ok")],
        &Flags { role: Some("boss".into()), ..Flags::default() },
    );
    assert_eq!(
        messages(&wrong),
        [
            "`role` is `wroker`; allowed are `server`, `worker`",
            "`labels` of `[server]`: `a b` is no label; one has 1 to 64 letters, digits, `-`, `_` and `.`",
            "`--role`: `boss` is neither `server` nor `worker`",
            "`NOMAFLOW_SERVER_LABELS`: `not ok` is no label; one has 1 to 64 letters, digits, `-`, `_` and `.`",
        ]
    );
    assert_eq!((wrong.settings.role.value, wrong.settings.labels.value.len()), (Role::Server, 0));
}

#[test]
fn limits_are_counts_by_connector_and_by_tag() {
    let file = "[limits.connectors]\njde = 2\n[limits.tags]\netl = 1\n\"month end\" = 10000\n";
    let limits = read(file, &[], &Flags::default()).settings.limits;
    let expected: Limits =
        [("connector:jde".into(), 2), ("tag:etl".into(), 1), ("tag:month end".into(), 10_000)].into();
    assert_eq!(limits, expected);
    let env = [("NOMAFLOW_LIMITS_TAGS", "nightly = 3, etl=4")];
    let limits = read(file, &env, &Flags::default()).settings.limits;
    let expected: Limits = [("connector:jde".into(), 2), ("tag:etl".into(), 4), ("tag:nightly".into(), 3)].into();
    assert_eq!(limits, expected, "a table of the environment replaces that of the file");

    let file =
        "[limits]\nconnectors = 3\n[limits.tags]\nnone = 0\nmany = 10001\nword = \"two\"\n[limits.pools]\na = 1\n";
    let wrong = read(file, &[("NOMAFLOW_LIMITS_CONNECTORS", "jde")], &Flags::default());
    assert_eq!(
        messages(&wrong),
        [
            "`connectors` must be a table, found the number `3`",
            "`none` is 0; allowed are 1 to 10000",
            "`many` is 10001; allowed are 1 to 10000",
            "`word` must be a whole number, found the string \"two\"",
            "unknown key `pools` in `[limits]`",
            "`NOMAFLOW_LIMITS_CONNECTORS`: `jde` is not of the form name=number, the number from 1 to 10000",
        ]
    );
    assert_eq!(wrong.settings.limits, Limits::new());
}

#[test]
fn a_limit_of_a_name_that_nothing_has_is_warned_of_unless_a_broken_file_may_have_it() {
    let home = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("app.toml", "[limits.connectors]\nops = 1\nosp = 1\n[limits.tags]\netl = 1\nelt = 1\n");
    let connectors = "[pools.ops]\nurl = \"sqlite:x.db\"\n[connectors.ops]\n";
    write("connectors.toml", connectors);
    let job = "[[jobs]]\nid = \"a\"\ntags = [\"etl\"]\n[[jobs.steps]]\nname = \"q\"\ntype = \"sql_query\"\n\
               connector = \"ops\"\nquery = \"select 1\"\n";
    write("plugins/demo/jobs.toml", job);
    let found = || {
        let zone = chrono_tz::UTC;
        let options = LoadOptions {
            plugins_dir: None,
            env: &|_| None,
            secrets: None,
            default_zone: zone,
            components: None,
            proposal: None,
        };
        let catalogue = load(home.path(), &options);
        let loaded = load_settings(home.path(), &|_| None, &Flags::default());
        let warnings = loaded.check_limits(&catalogue);
        warnings.into_iter().map(|d| (d.line, d.message, d.hint.unwrap_or_default())).collect::<Vec<_>>()
    };
    let osp = (3, "`[limits.connectors]`: unknown connector `osp`".to_owned(), "did you mean `ops`?".to_owned());
    let elt = (6, "`[limits.tags]`: no job has the tag `elt`".to_owned(), "did you mean `etl`?".to_owned());
    assert_eq!(found(), [osp.clone(), elt.clone()]);
    write("connectors.toml", &connectors.replace("sqlite:", "nowhere:"));
    assert_eq!(found(), [], "what is broken may have the names");
    write("connectors.toml", connectors);
    write("plugins/demo/jobs.toml", &job.replace("select 1\"", "select 1\"\noops = 1"));
    assert_eq!(found(), [osp]);
}

#[test]
fn transports_and_routes_are_read_and_every_mistake_is_told_at_its_place() {
    let file = r##"[server]
public_url = "https://jobs.example.org/"
[notifications]
group_seconds = 0
[notifications.transports.chat]
kind = "slack"
webhook_url = "${secret.SLACK}"
to = "#ops"
[[notifications.routes]]
name = "etl"
tags = ["etl"]
recipients = ["#data", "chat"]
quiet_hours = { from = "22:00", to = "07:00" }
"##;
    let loaded = read(file, &[("NOMAFLOW_NOTIFICATIONS_RETRY_SECONDS", "9")], &Flags::default());
    assert_eq!(messages(&loaded), [""; 0]);
    let told = &loaded.settings.notifications;
    assert_eq!(loaded.settings.public_url.value.as_deref(), Some("https://jobs.example.org"));
    assert_eq!(loaded.settings.public_path(), "", "the page is found at the top of that address");
    let below = [("NOMAFLOW_SERVER_PUBLIC_URL", "https://example.org/ops/jobs/")];
    assert_eq!(read("", &below, &Flags::default()).settings.public_path(), "/ops/jobs");
    assert_eq!((told.group_seconds.value, told.retry_seconds.value, told.give_up_hours.value), (0, 9, 24));
    assert_eq!((told.transports[0].name.as_str(), told.routes[0].name.as_str()), ("chat", "etl"));
    assert!(!format!("{told:?}").contains("SLACK"), "a secret field is hidden, even its reference");
    let wrong = r##"[server]
public_url = "jobs.example.org"
[notifications.transports.chat]
kind = "slak"
[notifications.transports.mail]
kind = "smtp"
host = "mail"
port = 99999
[notifications.transports."a b"]
kind = "webhook"
url = "https://x.test"
[[notifications.routes]]
recipients = ["a b"]
"##;
    let loaded = read(wrong, &[], &Flags::default());
    let lines: Vec<u32> = loaded.diagnostics.iter().map(|found| found.line).collect();
    for line in [2, 4, 5, 8, 9, 12, 13] {
        assert!(lines.contains(&line), "line {line}: {:?}", messages(&loaded));
    }
}
