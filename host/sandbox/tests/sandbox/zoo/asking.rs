//! Files, sockets, sessions, handles, state, rows: what was not granted, and too much of what was.

use super::*;

use host_model::ConnectorName;
use host_model::log::LogLevel;
use tokio::net::TcpListener;

const WRITE: &str = "[grants.connectors]\nc = \"read-write\"\n";

#[tokio::test]
async fn a_file_without_any_folder_is_refused_and_the_log_says_what_is_missing() {
    let zoo = Zoo::with("").await;
    for path in ["/etc/passwd", "secret.txt", "../secret.txt", "/proc/self/mem"] {
        let mut step = zoo.step(json!({"path": path}), Duration::from_secs(60));
        step.ctx.log_level = LogLevel::Debug;
        let outcome = zoo.home.run_in("zoo:open", &step.ctx).await.expect("it goes on");
        assert!(outcome.output["error"].is_string(), "{path}: {:?}", outcome.output);
        let said = step.voice.lines().concat();
        let missing = "missing is `… = { path = \"…\" }` under `[grants.directories]` in `plugins/app/zoo.toml`";
        assert!(said.contains("none is granted: no file opens") && said.contains(missing), "{said}");
    }
}

#[tokio::test]
async fn what_leads_out_of_a_granted_folder_is_refused_and_named() {
    let zoo = Zoo::with("[grants.directories]\nin = { path = \"in\", mode = \"read\" }\n").await;
    let root = zoo.home.folder.path();
    std::fs::create_dir(root.join("in")).expect("a folder");
    std::fs::write(root.join("in/a"), "a").expect("writes");
    std::fs::write(root.join("secret"), "secret").expect("writes");
    std::os::unix::fs::symlink(root.join("secret"), root.join("in/absolute")).expect("a link");
    std::os::unix::fs::symlink("../secret", root.join("in/relative")).expect("a link");
    for path in ["/in/absolute", "/in/relative", "/in/../secret"] {
        let fate = zoo.fate("open", json!({"path": path})).await;
        assert!(fate.output()["error"].is_string(), "{path}: {}", fate.output());
        fate.said("does not stay in the directory `in`");
    }
    for path in ["/in/a", "/in/new"] {
        let fate = zoo.fate("open", json!({"path": path, "write": true})).await;
        assert!(fate.output()["error"].is_string(), "{path}: {}", fate.output());
        fate.said("was to be written; missing is `in = { path = \"in\", mode = \"read-write\" }` under `[grants.directories]`");
    }
    let fate = zoo.fate("open", json!({"path": "/in/a"})).await;
    assert_eq!((fate.output(), fate.lines.len()), (json!({"ok": true}), 0), "{:?}", fate.lines);
}

#[tokio::test]
async fn a_link_planted_in_one_folder_does_not_lead_the_grant_of_another_out_of_the_home() {
    let zoo = Zoo::with(
        "[grants.directories]\nout = { path = \"out\", mode = \"read-write\" }\nin = { path = \"out/in\" }\n",
    )
    .await;
    let root = zoo.home.folder.path();
    std::fs::create_dir_all(root.join("out/in")).expect("a folder");
    for target in ["../elsewhere", "./in/../../elsewhere", "/etc"] {
        let fate = zoo.fate("link", json!({"folder": "/out", "target": target, "name": "planted"})).await;
        assert_eq!(fate.output(), json!({"answer": "not-permitted"}), "{target}");
        fate.said(&format!("denied: `planted` was to be a link to `{target}`"));
        assert!(std::fs::symlink_metadata(root.join("out/planted")).is_err(), "{target}");
    }
    let fate = zoo.fate("link", json!({"folder": "/out", "target": "in/a", "name": "latest"})).await;
    assert_eq!(fate.output(), json!({"answer": "ok"}), "a link that leads down is fine");
    let fate = zoo.fate("link", json!({"folder": "/in", "target": "a", "name": "b"})).await;
    assert_eq!(fate.output(), json!({"answer": "not-permitted"}));
    fate.said("directory `in` is granted for reading, `b` was to be written");
}

#[tokio::test]
async fn a_pipe_in_a_granted_folder_holds_nobody() {
    let zoo = Zoo::with("[grants.directories]\nin = { path = \"in\", mode = \"read-write\" }\n").await;
    let folder = zoo.home.folder.path().join("in");
    std::fs::create_dir(&folder).expect("a folder");
    let made = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().expect("mkfifo");
    assert!(made.success());
    for write in [false, true] {
        let fate = zoo.fate("open", json!({"path": "/in/pipe", "write": write})).await;
        assert!(fate.took < PROMISE, "{:?}", fate.took);
        assert!(fate.output()["error"].is_string(), "{}", fate.output());
        fate.said("denied: `pipe` is neither a file nor a folder");
    }
}

#[tokio::test]
async fn names_and_sockets_are_refused_and_the_log_names_what_is_granted_in_their_place() {
    let zoo = Zoo::with("").await;
    for host in ["localhost", "api.example.com", "127.0.0.1"] {
        let fate = zoo.fate("resolve", json!({"host": host})).await;
        assert_eq!(fate.output(), json!({"answer": "permanent-resolver-failure"}), "{host}");
        fate.said(&format!("missing is `hosts = [\"{host}\"]` under `[grants.http]` in `plugins/app/zoo.toml`"));
    }
    let fate = zoo.fate("sockets", json!({})).await;
    assert_eq!(fate.output(), json!({"tcp": "access-denied", "udp": "access-denied"}));
    fate.said("it asked for a TCP socket; sockets are never granted");
    fate.said("it asked for a UDP socket; sockets are never granted");
}

#[tokio::test]
async fn handles_without_number_end_at_their_limit_and_are_all_closed() {
    let zoo = Zoo::with_database(&format!("[grants.directories]\nin = {{ path = \"in\" }}\n{WRITE}")).await;
    std::fs::create_dir(zoo.home.folder.path().join("in")).expect("a folder");
    std::fs::write(zoo.home.folder.path().join("in/a"), "a").expect("writes");
    let count = || std::fs::read_dir("/proc/self/fd").expect("Linux").count();
    let before = count();
    // The guest's own libc has room for fewer, and says that its memory is used up.
    let fate = zoo.fate("handles", json!({"path": "/in/a"})).await;
    assert!(fate.error(StepErrorKind::Failed, Duration::ZERO).message.starts_with("Out of memory"));
    assert!(count() <= before + 4, "{before} files were open, {} are", count());
    zoo.fate("cursors", json!({})).await.crash("ran into its limit of 256 open handles");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_without_number_are_refused_before_the_pool_is_empty_and_are_all_given_back() {
    let zoo = Zoo::with_database(WRITE).await;
    let fate = zoo.fate("sessions", json!({})).await;
    let error = fate.error(StepErrorKind::Failed, Duration::ZERO);
    assert_eq!((error.detail.as_str(), error.may_retry), ("code: limit", false));
    let message = "connector `c`: 4 connections to the pool `c` are open already, of its 5 a plugin may have 4 at once";
    assert_eq!(error.message, message);
    let allowed = Duration::from_millis(500);
    let fate = zoo.fate_within("rows", json!({"statement": "select 1 as one", "max": 1}), allowed).await;
    assert_eq!(fate.output(), json!({"sizes": [1]}), "somebody else gets one at once");
}

#[tokio::test]
async fn cells_that_take_fifty_times_as_much_in_the_host_are_refused() {
    let zoo = Zoo::with_database(WRITE).await;
    // How long the machine takes, just now, to make and hand over a tenth of the cells: it is refused as well.
    let peer = zoo.fate("booleans", json!({"n": 10_000_000})).await;
    let message = &peer.error(StepErrorKind::Failed, Duration::from_secs(30)).message;
    assert!(message.starts_with("a batch of 10000000 cells takes "), "{message}");
    let fate = zoo.fate("booleans", json!({"n": 100_000_000})).await;
    // Ten times the cells, in ten times the time; a host that built them first would take far more, and die of it.
    let error = fate.error(StepErrorKind::Failed, peer.took * 30);
    assert!(error.message.starts_with("a batch of 100000000 cells takes "), "{}", error.message);
    assert!(error.message.ends_with("the memory limit is 268435456"), "{}", error.message);
}

#[tokio::test]
async fn large_rows_come_in_small_batches_and_one_too_large_not_at_all() {
    let zoo = Zoo::with_database(&format!("{WRITE}[limits]\nmemory_mb = 16\n")).await;
    let rows = |n: u32, bytes: u32| {
        format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {n}) select zeroblob({bytes}) as b from n"
        )
    };
    let fate = zoo.fate("rows", json!({"statement": rows(600, 50_000), "max": 65_536})).await;
    let output = fate.output();
    let sizes: Vec<u64> = output["sizes"].as_array().expect("a list").iter().filter_map(Json::as_u64).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 600);
    assert!(sizes.iter().all(|size| *size <= 90), "{sizes:?}");
    let fate = zoo.fate("rows", json!({"statement": rows(1, 20_000_000), "max": 1})).await;
    let error = fate.error(StepErrorKind::Failed, Duration::ZERO);
    assert!(error.message.starts_with("a batch of 1 rows takes about 200000"), "{}", error.message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_of_minutes_and_a_silent_server_end_with_the_cancel() {
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let zoo = Zoo::with_database(WRITE).await;
    let allowed = Duration::from_millis(300);
    let fate = zoo.fate_within("rows", json!({"statement": endless, "max": 1}), allowed).await;
    fate.error(StepErrorKind::Timeout, allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ldap_server_that_says_nothing_ends_with_the_cancel() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let directory = Directory {
        name: ConnectorName::new("people").expect("a name"),
        url: format!("ldap://{}", silent.local_addr().expect("an address")),
        start_tls: false,
        ca_file: None,
        bind_dn: None,
        password: None,
        base: "dc=test".to_owned(),
        source: Default::default(),
    };
    let home = Home::with_services("services", vec![directory]).await;
    home.grant("services", "[grants]\nldap = [\"people\"]\n");
    let step = Step::new(json!({"connector": "people", "filter": "(uid=*)"}));
    let call = home.run_in("services:ldap", &step.ctx);
    let canceling = async {
        let accepted = silent.accept().await.expect("the search");
        step.ctx.cancel.cancel("canceled by user:alice");
        (accepted, Instant::now())
    };
    let (ended, (_socket, canceled_at)) = tokio::join!(call, canceling);
    assert!(canceled_at.elapsed() < PROMISE, "{:?}", canceled_at.elapsed());
    assert_eq!(ended.expect_err("canceled").error.kind, StepErrorKind::Canceled);
}

#[tokio::test]
async fn state_ends_at_ten_thousand_keys() {
    let zoo = Zoo::with("[grants]\nstate = true\n").await;
    let fate = zoo.fate_within("fill", json!({}), Duration::from_secs(120)).await;
    assert_eq!(fate.output(), json!({"keys": 10_000, "code": "limit"}));
}

#[tokio::test]
async fn odd_texts_get_typed_errors_and_reach_nothing() {
    let zoo = Zoo::with_database(&format!("[grants]\nstate = true\n{WRITE}")).await;
    let fate = zoo.fate("odd", json!({})).await;
    let output = fate.output();
    let codes: Vec<&str> = output["result"].as_array().expect("codes").iter().filter_map(Json::as_str).collect();
    assert_eq!(codes.len(), 9 * 8);
    assert!(codes.iter().all(|code| ["ok", "denied", "invalid"].contains(code)), "{codes:?}");
    assert!(fate.lines.iter().all(|line| line.len() < 9_000));
}

#[tokio::test]
async fn a_handle_that_was_dropped_or_never_was_ends_the_call() {
    let zoo = Zoo::with_database(WRITE).await;
    const BASE: u64 = 1 << 40;
    const RESULT: u64 = 1 << 41;
    let answer = BASE + (64 << 10) - 256;
    let open = json!([5, BASE, 1, answer]);
    let raw = async |calls: Json| zoo.fate("raw", json!({"bytes": [b'c'], "calls": calls})).await;
    assert_eq!(raw(json!([open, [6, RESULT + 1, answer]])).await.output(), json!({"result": 2}), "a sound one works");
    // Dropped, then used; dropped twice; a cursor that is a connection; a number from nowhere.
    let handle = RESULT + 1;
    raw(json!([open, [14, handle], [6, handle, answer]])).await.crash("unknown handle index");
    raw(json!([open, [14, handle], [14, handle]])).await.crash("unknown handle index");
    raw(json!([open, [16, handle, 10, answer]])).await.crash("used with the wrong type");
    raw(json!([[6, 4_000_000_000_u64, answer]])).await.crash("unknown handle index");
    // Text beyond the memory, a result beyond it, text that is not UTF-8.
    raw(json!([[5, 0xffff_fff0_u64, 100, answer]])).await.crash("out of bounds");
    raw(json!([[5, BASE, 1, 0xffff_ffff_u64]])).await.crash("");
    zoo.fate("raw", json!({"bytes": [0xff, 0xfe], "calls": [[5, BASE, 2, answer]]})).await.crash("utf-8");
}
