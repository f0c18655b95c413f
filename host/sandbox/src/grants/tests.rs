//! Files of grants and what becomes of them.

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
                [limits]\nmemory_mb = 64\nwall_seconds = 2.5\noutput_bytes = 4_096\nlog_lines = 100\n";
    let grants = Grants::parse(text, "flights.toml").expect("valid");
    assert_eq!(grants.connectors["reporting"], Access::ReadWrite);
    assert_eq!(grants.connectors["ops"], Access::Read);
    let limits = Limits {
        memory_bytes: 64 * 1024 * 1024,
        wall: Some(Duration::from_millis(2500)),
        output_bytes: 4096,
        log_lines: 100,
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
fn what_comes_later_is_refused_as_not_supported_yet() {
    assert_eq!(
        problems("[grants]\nhosts = [\"example.org\"]\n[limits]\ncpu_seconds = 1\n"),
        [
            "flights.toml:2:1 not-supported `hosts` is not supported yet",
            "flights.toml:4:1 not-supported `cpu_seconds` is not supported yet",
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
