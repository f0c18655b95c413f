//! When something fires, as an operator asks: `nomaflow cron`, `nomaflow job next` and the preview of the API.

use std::io::Write;
use std::process::Stdio;

use crate::program::{Said, command, home_with, nomaflow, serve, sql_job};
use crate::server::{bearer, http, json_body};
use serde_json::{Value, json};
use test_support::TempHome;

/// `nomaflow cron` in a folder that is no home.
fn cron(arguments: &[&str]) -> Said {
    let nowhere = TempHome::new().unwrap();
    nomaflow(&nowhere.path().join("no-home"), &[&["cron"], arguments].concat())
}

const PARIS: [&str; 2] = ["--timezone", "Europe/Paris"];

#[test]
fn the_next_instants_carry_the_offset_of_the_zone_across_a_change_of_the_clocks() {
    let said = cron(&["30 2 * * *", PARIS[0], PARIS[1], "--from", "2026-03-28T00:00:00Z", "-n", "3"]).expect(0);
    assert_eq!(said.out, "2026-03-28T02:30:00+01:00\n2026-03-29T03:00:00+02:00\n2026-03-30T02:30:00+02:00\n");
    assert!(said.err.contains("note: the clocks jump over a time this is set for on 2026-03-29"), "{}", said.err);
    let said = cron(&["30 2 * * *", PARIS[0], PARIS[1], "--from", "2026-10-24", "-n", "2", "--json"]).expect(0);
    assert_eq!(said.json(), json!(["2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"]));
}

#[test]
fn the_rules_for_a_change_of_the_clocks_can_be_chosen() {
    let in_spring =
        |gap| cron(&["30 2 * * *", PARIS[0], PARIS[1], "--from", "2026-03-28T12:00", "-n", "1", "--gap", gap]);
    assert_eq!(in_spring("shift").expect(0).out, "2026-03-29T03:00:00+02:00\n");
    assert_eq!(in_spring("skip").expect(0).out, "2026-03-30T02:30:00+02:00\n");
    let in_autumn = |fold| cron(&["30 2 * * *", PARIS[0], PARIS[1], "--from", "2026-10-25", "-n", "1", "--fold", fold]);
    assert_eq!(in_autumn("first").expect(0).out, "2026-10-25T02:30:00+02:00\n");
    assert_eq!(in_autumn("second").expect(0).out, "2026-10-25T02:30:00+01:00\n");
    in_autumn("third").expect(2).saying(&["fold is `third`; allowed are `first`, `second`, `both`"]);
}

#[test]
fn an_interval_counts_from_the_epoch() {
    let said = cron(&["90m", "--every", "--timezone", "UTC", "--from", "1970-01-01T00:00:00Z", "-n", "2"]).expect(0);
    assert_eq!(said.out, "1970-01-01T01:30:00+00:00\n1970-01-01T03:00:00+00:00\n");
    cron(&["90", "--every"]).expect(2).saying(&["error: `90` has no unit\n  90\n  ^^\n  help: "]);
}

#[test]
fn a_mistake_is_drawn_under_its_field_and_is_a_usage_error() {
    let said = cron(&["0 24 * * mon"])
        .expect(2)
        .saying(&["error: hour `24` is outside 0-23\n  0 24 * * mon\n    ^^\n  help: "]);
    assert_eq!(said.out, "");
    cron(&["0 0 * * fri-mon"]).expect(2).saying(&["  0 0 * * fri-mon\n          ^^^^^^^\n", "fri-sat,sun-mon"]);
    cron(&["* * * * * * *"]).expect(2).saying(&["at most six fields", "              ^\n"]);
    cron(&[""]).expect(2).saying(&["the schedule is empty"]);
    cron(&["0 0 * * *", "--timezone", "Europe/Pariss"])
        .expect(2)
        .saying(&["unknown timezone `Europe/Pariss`", "did you mean `Europe/Paris`?"]);
    cron(&["0 0 * * *", "--from", "soon"]).expect(2).saying(&["`soon` is not an instant"]);
    cron(&["0 0 * * *", "-n", "0"]).expect(2).saying(&["0 is not in 1.."]);
    cron(&[]).expect(2).saying(&["<EXPR>"]);
}

#[test]
fn an_expression_that_never_fires_is_a_warning_and_no_instant() {
    let said = cron(&["30 2 30 2 *"]).expect(0).saying(&["warning: `30 2 30 2 *` never fires"]);
    assert_eq!(said.out, "");
    assert_eq!(cron(&["30 2 30 2 *", "--json"]).expect(0).json(), json!([]));
}

#[test]
fn a_batch_answers_every_line_with_a_line() {
    let home = TempHome::new().unwrap();
    let mut child =
        command(home.path()).args(["cron", "--batch"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let requests = [
        json!({"expression": "0 12 * * *", "timezone": "Asia/Tokyo", "from": "2026-01-01T00:00:00Z", "count": 2}),
        json!({"expression": "0 12 * *", "timezone": "UTC"}),
        json!({"every": "1h", "timezone": "UTC", "from": "2026-01-01T00:00:00Z"}),
    ];
    let text: String = requests.iter().map(|request| format!("{request}\n")).collect();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let answers: Vec<Value> = std::str::from_utf8(&output.stdout).unwrap().lines().map(json_body).collect();
    assert_eq!(answers[0], json!({"next": ["2026-01-01T12:00:00+09:00", "2026-01-02T12:00:00+09:00"]}));
    assert_eq!((answers[1]["offset"].clone(), answers[1]["len"].clone()), (json!(0), json!(8)));
    assert_eq!(answers[2], json!({"next": ["2026-01-01T01:00:00+00:00"]}));
    assert!(output.status.success() && answers.len() == 3);
}

/// Jobs with two schedules in two zones, with none that can fire, with none at all, and a disabled one.
fn home() -> TempHome {
    let schedule = |name: &str, rest: &str| format!("[[jobs.schedules]]\nname = \"{name}\"\n{rest}\n");
    let timed = sql_job("timed", "select 1 as x")
        + &schedule("noon", "cron = \"0 12 * * *\"\ntimezone = \"Asia/Tokyo\"")
        + &schedule("often", "every = \"8h\"\ntimezone = \"UTC\"")
        + &schedule("off", "every = \"1m\"\nenabled = false");
    let never = sql_job("never", "select 1 as x") + &schedule("impossible", "cron = \"0 0 30 2 *\"");
    let silent = sql_job("silent", "select 1 as x") + &schedule("off", "every = \"1h\"\nenabled = false");
    let disabled = sql_job("disabled", "select 1 as x")
        .replace("id = \"disabled\"\n", "id = \"disabled\"\nschedule = \"* * * * *\"\nenabled = false\n");
    let home = home_with(&[timed, never, silent, disabled, sql_job("manual", "select 1 as x")].concat());
    home.write("connectors.toml", crate::program::CONNECTOR).unwrap();
    home
}

#[test]
fn the_next_fires_of_a_job_are_merged_over_its_enabled_schedules() {
    let home = home();
    let answer = nomaflow(home.path(), &["--local", "--json", "job", "next", "timed", "-n", "8"]).expect(0).json();
    let fires = answer["next"].as_array().unwrap();
    let names: Vec<&str> = fires.iter().map(|fire| fire["schedule"].as_str().unwrap()).collect();
    // Three intervals and one noon a day, in any eight in a row.
    assert_eq!((names.len(), names.iter().filter(|name| **name == "noon").count()), (8, 2), "{names:?}");
    assert!(fires.is_sorted_by_key(|fire| fire["at"].as_str().unwrap().to_owned()), "{answer}");
    let noon = fires.iter().find(|fire| fire["schedule"] == "noon").unwrap();
    assert!(
        noon["local"].as_str().unwrap().ends_with("T12:00:00+09:00")
            && noon["at"].as_str().unwrap().ends_with("T03:00:00.000Z"),
        "{noon}"
    );
    let shown = nomaflow(home.path(), &["--local", "job", "next", "timed", "-n", "20"]).expect(0);
    assert_eq!(shown.out.lines().count(), 21, "a header and twenty fires: {}", shown.out);
    assert!(
        shown.out.starts_with("NEXT ") && shown.out.contains("noon") && !shown.out.contains(" off "),
        "{}",
        shown.out
    );
}

#[test]
fn a_job_that_does_not_fire_says_why() {
    let home = home();
    for (job, reason) in [
        ("disabled", "job `disabled` is disabled"),
        ("manual", "job `manual` has no schedule"),
        ("silent", "every schedule of job `silent` is off"),
        ("never", "no schedule of job `never` ever fires"),
    ] {
        nomaflow(home.path(), &["--local", "job", "next", job]).expect(0).saying(&[reason]);
    }
    nomaflow(home.path(), &["--local", "job", "next", "tmied"])
        .expect(4)
        .saying(&["there is no job `tmied`", "did you mean `timed`?"]);
    nomaflow(home.path(), &["--local", "job", "next", "timed", "-n", "0"])
        .expect(2)
        .saying(&["count is 0; allowed are 1 to 1000"]);
}

#[test]
fn the_preview_of_the_api_shows_fires_and_what_may_surprise() {
    let home = home();
    let host = serve(&home);
    let token = bearer(&home);
    let ask = |query: &str| {
        let (status, head, body) =
            http(host.url(), "GET", &format!("/admin/jobs/cron-preview?{query}"), &[("Authorization", &token)], "");
        (status, head, json_body(&body))
    };
    let (status, _, shown) = ask("expression=30+2+*+*+*&timezone=Europe/Paris&from=2026-03-28T12:00:00Z&count=2");
    assert_eq!(status, 200, "{shown}");
    assert_eq!(
        shown["next"],
        json!([
            {"at": "2026-03-29T01:00:00.000Z", "local": "2026-03-29T03:00:00+02:00"},
            {"at": "2026-03-30T00:30:00.000Z", "local": "2026-03-30T02:30:00+02:00"},
        ])
    );
    assert_eq!((shown["expression"].clone(), shown["timezone"].clone()), (json!("30 2 * * *"), json!("Europe/Paris")));
    assert_eq!((shown["never_fires"].clone(), shown["notes"][0]["code"].clone()), (json!(false), json!("gap-shifted")));
    assert_eq!(shown["notes"][0]["at"], "2026-03-29T01:00:00.000Z");

    // The other name of the parameter, an unescaped plus in an offset, three fires unless told.
    let (_, _, shown) = ask("schedule=0+9+24+12+*&timezone=UTC&from=2026-03-01T00:00:00+01:00");
    assert_eq!((shown["next"].as_array().unwrap().len(), shown["notes"][0]["code"].clone()), (3, json!("long-wait")));
    let (_, _, shown) = ask("every=15m&timezone=UTC&from=2026-01-01&count=1");
    assert_eq!(
        (shown["expression"].clone(), shown["next"][0]["at"].clone()),
        (json!("every 15m"), json!("2026-01-01T00:15:00.000Z"))
    );
    let (_, _, shown) = ask("expression=0+0+30+2+*");
    assert_eq!((shown["next"].clone(), shown["never_fires"].clone()), (json!([]), json!(true)));

    let (status, head, problem) = ask("expression=0+24+*+*+*");
    assert!(status == 422 && head.contains("application/problem+json"), "{head}");
    assert_eq!(
        (problem["span"].clone(), problem["detail"].clone()),
        (json!({"offset": 2, "len": 2}), json!("hour `24` is outside 0-23"))
    );
    assert!(problem["hint"].is_string(), "{problem}");
    for (query, part) in [
        ("expression=0+0+*+*+*&timezone=Europe/Pariss", "unknown timezone `Europe/Pariss`"),
        ("expression=0+0+*+*+*&count=101", "count is 101; allowed are 1 to 100"),
        ("expression=0+0+*+*+*&every=1h", "both a cron expression and an interval are given"),
        ("timezone=UTC", "neither a cron expression nor an interval is given"),
        ("expression=", "the schedule is empty"),
        ("expression=0+0+*+*+*&form=now", "form"),
    ] {
        let (status, _, problem) = ask(query);
        assert!(status == 422 && problem["detail"].as_str().unwrap().contains(part), "{query}: {problem}");
    }

    let (status, _, body) = http(host.url(), "GET", "/admin/jobs/timed/next?count=3", &[("Authorization", &token)], "");
    let next = json_body(&body);
    assert_eq!((status, next["next"].as_array().unwrap().len(), next["reason"].clone()), (200, 3, Value::Null));
    for path in ["/admin/jobs/cron-preview?every=1h", "/admin/jobs/timed/next"] {
        assert_eq!(http(host.url(), "GET", path, &[], "").0, 401, "{path} is closed");
    }
    let said = nomaflow(home.path(), &["job", "next", "timed", "-n", "1"]).expect(0);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
}
