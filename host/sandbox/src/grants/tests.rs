//! Files of grants and what becomes of them.

use std::time::Duration;

use host_model::plugin_port::Reach;

use super::*;

fn problems(text: &str) -> Vec<String> {
    let problems = Grants::parse(text, "flights.toml").expect_err("refused");
    problems
        .iter()
        .map(|p| {
            let hint = p.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}:{}:{} {} {}{hint}", p.file, p.line, p.column, p.code, p.message)
        })
        .collect()
}

#[test]
fn connectors_and_limits_are_read() {
    let text = "[grants.connectors]\nreporting = \"read-write\"\nops = \"read\"\n\
                [limits]\nmemory_mb = 64\nwall_seconds = 2.5\ncpu_seconds = 1\noutput_bytes = 4_096\n\
                response_bytes = 5\nlog_lines = 100\nlog_lines_per_second = 7\ntable_elements = 9\nstack_kb = 128\n";
    let grants = Grants::parse(text, "flights.toml").expect("valid");
    assert_eq!(grants.connectors["reporting"], Access::ReadWrite);
    assert_eq!(grants.connectors["ops"], Access::Read);
    let limits = Limits {
        memory_bytes: 64 * 1024 * 1024,
        wall: Some(Duration::from_millis(2500)),
        cpu: Some(Duration::from_secs(1)),
        output_bytes: 4096,
        response_bytes: 5,
        log_lines: 100,
        log_lines_per_second: 7,
        table_elements: 9,
        stack_bytes: 128 * 1024,
    };
    assert_eq!(grants.limits, limits);
}

#[test]
fn an_empty_file_grants_nothing_and_keeps_the_usual_limits() {
    assert_eq!(Grants::parse("# nothing\n", "flights.toml"), Ok(Grants::default()));
}

#[test]
fn a_missing_file_grants_nothing() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("no-such-grants.toml");
    assert_eq!(Grants::read(&path, "x").expect("no error"), Grants::default());
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    assert_eq!(
        problems("[limits]\nmemory_mb = 64\nwall_second = 5\n"),
        ["flights.toml:3:1 unknown-key unknown key `wall_second` (did you mean `wall_seconds`?)"]
    );
    assert_eq!(problems("[grant]\n"), ["flights.toml:1:2 unknown-key unknown key `grant` (did you mean `grants`?)"]);
}

#[test]
fn every_kind_of_grant_is_read() {
    let text = "[grants]\nenv = [\"TZ\"]\nsecrets = [\"token\"]\nldap = [\"people\"]\nstate = true\n\
                [grants.http]\nhosts = [\"api.example.com\", \"*.example.org\"]\nmethods = [\"GET\", \"POST\"]\n\
                [grants.directories]\ninbox = { path = \"data/inbox\" }\nout = { path = \"/out\", mode = \"read-write\" }\n";
    let grants = Grants::parse(text, "flights.toml").expect("valid");
    assert!(grants.state && grants.env.contains("TZ") && grants.secrets.contains("token"));
    assert!(grants.ldap.contains("people") && grants.http.allows_method("POST"));
    assert_eq!(grants.http.reach("api.example.com", 443), Some(Reach::Network));
    assert_eq!(grants.http.reach("a.example.org", 443), Some(Reach::Public));
    let read = DirectoryGrant { path: "data/inbox".into(), access: Access::Read };
    let write = DirectoryGrant { path: "/out".into(), access: Access::ReadWrite };
    assert_eq!(grants.directories, [("inbox".to_owned(), read), ("out".to_owned(), write)].into());
}

#[test]
fn a_grant_that_cannot_be_meant_is_refused_at_its_place() {
    let text = "[grants]\nhosts = []\nstate = 1\nsecrets = \"a\"\nenv = [\"A\", 5]\n\
                [grants.http]\nhosts = [\"https://a.example/x\"]\nmethods = [\"get\"]\n\
                [grants.directories]\n\"a/b\" = { path = \"x\" }\nout = { mode = \"read\" }\nin = { path = \"x\", mod = 1 }\n";
    assert_eq!(
        problems(text),
        [
            "flights.toml:2:1 unknown-key unknown key `hosts` (known here: `connectors`, `http`, `directories`, `env`, \
             `secrets`, `ldap`, `state`)",
            "flights.toml:3:9 wrong-value `state` must be `true` or `false`",
            "flights.toml:4:11 wrong-value `secrets` must be a list of texts",
            "flights.toml:5:13 wrong-value `env` holds texts, and none is empty",
            "flights.toml:7:10 wrong-value `https://a.example/x` is no host (write `host`, `host:port` or `*.domain`, \
             without scheme and path, letters in ASCII)",
            "flights.toml:8:12 wrong-value `get` is no HTTP method (write it in capital letters: `GET`, `POST`)",
            "flights.toml:10:1 wrong-value `a/b` is no name of a directory (the plugin sees it as `/<name>`: letters, \
             digits, `_` and `-`)",
            "flights.toml:11:1 missing-field directory `out` has no `path` (out = { path = \"data/out\", mode = \"read\" })",
            "flights.toml:12:20 unknown-key unknown key `mod` (did you mean `mode`?)",
        ]
    );
}

#[test]
fn every_wrong_value_is_reported_in_the_order_of_the_file() {
    let text = "[limits]\nmemory_mb = 0\nwall_seconds = \"5\"\n[grants.connectors]\nops = \"write\"\n";
    assert_eq!(
        problems(text),
        [
            "flights.toml:2:13 wrong-value `memory_mb` must be a whole number from 1 to 4096",
            "flights.toml:3:16 wrong-value `wall_seconds` must be a number of seconds above 0, at most a year",
            "flights.toml:5:7 wrong-value connector `ops` needs `\"read\"` or `\"read-write\"`",
        ]
    );
}

#[test]
fn a_syntax_error_names_its_line() {
    let found = problems("[limits]\nmemory_mb = = 3\n");
    assert!(found[0].starts_with("flights.toml:2:"), "{found:?}");
    assert!(found[0].contains(" syntax "), "{found:?}");
}

#[test]
fn a_trial_reads_only_and_is_told_no_secret() {
    let text = "[grants]\nsecrets = [\"token\"]\nstate = true\n[grants.connectors]\ndb = \"read-write\"\n\
                [grants.http]\nhosts = [\"a.example\"]\nmethods = [\"POST\", \"GET\"]\n\
                [grants.directories]\nout = { path = \"data\", mode = \"read-write\" }\n";
    let trial = Grants::parse(text, "x.toml").unwrap().for_trial();
    assert_eq!(trial.connectors["db"], Access::Read);
    assert_eq!(trial.directories["out"].access, Access::Read);
    assert!(trial.http.allows_method("GET") && !trial.http.allows_method("POST"));
    assert!(trial.secrets.is_empty() && trial.state);
    let posting = Grants::parse("[grants.http]\nhosts = [\"a.example\"]\nmethods = [\"POST\"]\n", "x.toml").unwrap();
    assert_eq!(posting.for_trial().http.reach("a.example", 443), None, "no method is left, so no host is");
}
