//! What conditions mean, and where their mistakes are.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::json;

use super::*;
use crate::template::{Reveal, StepResult};
use crate::{JobId, RunId, StepName, StepStatus};

fn map(json: Json) -> JsonMap {
    match json {
        Json::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn with_scope<R>(reveal: Reveal, work: impl FnOnce(&Scope<'_>) -> R) -> R {
    let job_id = JobId::new("j").unwrap();
    let params =
        map(json!({"mode": "full", "n": 3, "half": 0.5, "on": true, "off": false, "none": null, "text": "it's",
        "tags": ["a", 2, {"k": 1}], "object": {"k": 1}, "empty": [], "big": 9_007_199_254_740_993_i64,
        "hidden": "${secret.pw}", "written": "${params.n} == 3"}));
    let name = |text| StepName::new(text).unwrap();
    let (load, off) = (name("load"), name("off"));
    let steps = HashMap::from([
        (load.clone(), StepResult { status: StepStatus::Succeeded, output: map(json!({"rows": 12, "file": ""})) }),
        (off, StepResult { status: StepStatus::Canceled, output: JsonMap::new() }),
    ]);
    let env = |name: &str| (name == "N").then(|| "3".to_owned());
    let secret = |name: &str| (name == "pw").then(|| "s3cret".to_owned());
    work(&Scope {
        run_id: RunId::from_parts(1, 1),
        job_id: &job_id,
        scheduled_at: Utc.with_ymd_and_hms(2026, 3, 1, 1, 0, 0).unwrap(),
        date: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
        params: &params,
        shared: &params,
        steps: &steps,
        previous: Some(&load),
        env: &env,
        secret: &secret,
        reveal,
    })
}

fn holds(text: &str) -> Result<bool, String> {
    let condition = Condition::parse(text).map_err(|error| format!("parse: {error}"))?;
    with_scope(Reveal::All, |scope| condition.holds(scope)).map_err(|error| error.to_string())
}

#[test]
fn conditions_mean_what_they_say() {
    for (text, expected) in [
        ("${params.on}", true),
        ("not ${params.on}", false),
        ("not not ${params.on}", true),
        ("true or ${params.nowhere}", true),
        ("false and ${params.nowhere}", false),
        ("false and true or true", true),
        ("false and (true or true)", false),
        ("not false and false", false),
        ("${params.mode} == 'full'", true),
        ("${params.mode} != \"full\"", false),
        ("${params.text} == \"it's\"", true),
        ("'${params.mode}-${params.n}' == 'full-3'", true),
        ("'${params.n}' == '3'", true),
        ("${params.n} == 3.0", true),
        ("${params.n} >= 3 and ${params.n} < 4 and ${params.n} <= 3 and ${params.n} > -1e2", true),
        ("${params.half} < 0.6", true),
        ("${params.big} == 9007199254740992", false),
        ("${params.none} == null", true),
        ("${params.n} != null", true),
        ("${today} < '2026-03-02'", true),
        ("${month.current} == '2026-03'", true),
        ("${steps.load.rows} > 0", true),
        ("${previous_step.rows} == 12", true),
        ("${params.mode} in ['full', 'delta']", true),
        ("${params.mode} not in ['delta', 3, null, [1]]", true),
        ("2.0 in ${params.tags}", true),
        ("'k' in ${params.object}", true),
        ("'ul' in ${params.mode}", true),
        ("[1, [2]] == [1.0, [2]]", true),
        ("${params.empty} is empty and ${params.none} is empty and ${steps.load.file} is empty", true),
        ("0 is not empty and false is not empty and ${params.tags} is not empty", true),
        ("${steps.off.rows} is empty", true),
        ("${steps.load.nothing} is empty", true),
        ("${steps.off.rows} is not empty and ${steps.off.rows} > 3", false),
        ("${secret.pw} == 's3cret'", true),
        ("${env.N} == '3'", true),
        ("${params.written} == '3 == 3'", true),
        ("(${params.n} == 3) == true", true),
    ] {
        assert_eq!(holds(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_judged_says_which_kinds_met_and_never_a_value() {
    for (text, expected) in [
        ("${params.mode}", "`${params.mode}` is text, not true or false"),
        ("${params.mode} == 3", "text (`${params.mode}`) and a number (`3`) cannot be compared"),
        ("${secret.pw} == ${params.n}", "text (`${secret.pw}`) and a number (`${params.n}`) cannot be compared"),
        (
            "${params.on} < ${params.off}",
            "true or false (`${params.on}`) and true or false (`${params.off}`) cannot be compared",
        ),
        ("${params.none} < 3", "null (`${params.none}`) and a number (`3`) cannot be compared"),
        ("${params.n} in ${params.mode}", "a number (`${params.n}`) cannot be in text (`${params.mode}`)"),
        ("${steps.off.rows} > 3", "`${steps.off.rows}`: step `off` has no output, it is CANCELED"),
        ("${params.nowhere} is empty", "`${params.nowhere}`: there is no `nowhere`"),
        ("${env.NOWHERE} is empty", "`${env.NOWHERE}`: the environment variable `NOWHERE` is not set"),
    ] {
        let told = holds(text).unwrap_err();
        assert_eq!(told, expected, "{text}");
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn mistakes_in_the_text_are_found_where_they_are() {
    for (text, place, expected, hint) in [
        ("", 0..0, "the condition is empty", "leave `when` out"),
        ("  ", 0..2, "the condition is empty", "leave `when` out"),
        ("${params.n} = 3", 12..13, "`=` means nothing here", "`==`"),
        ("true && false", 5..7, "`&&` means nothing here", "`and`"),
        ("! true", 0..1, "`!` means nothing here", "`not`"),
        ("true === true", 5..8, "`===` means nothing here", "`==`"),
        ("true adn false", 5..8, "unknown word `adn`", "did you mean `and`?"),
        ("True", 0..4, "unknown word `True`", "did you mean `true`?"),
        ("${params.mode} == full", 18..22, "unknown word `full`", "`'full'`"),
        ("params.mode == 'full'", 0..11, "unknown word `params.mode`", "`${params.mode}`"),
        ("${params.mode} == 'full", 18..23, "the text that begins with `'` is not closed", "quote"),
        ("2026-01-31 < ${today}", 0..10, "`2026-01-31` is not a number", "'2026-01-31'"),
        ("(true", 0..1, "this `(` is not closed", "`)`"),
        ("true)", 4..5, "`)` does not follow here", "`(`"),
        ("[1, 2", 0..1, "this `[` is not closed", "`]`"),
        ("1 in [1 2]", 8..9, "a `,` is missing between two values of a list", ""),
        ("true and", 7..8, "a value is missing at the end", ""),
        ("and true", 0..3, "`and` stands where a value is missing", "template"),
        ("1 < 2 < 3", 6..7, "`<` does not follow here", "two values at a time"),
        ("${params.a} ${params.b}", 12..23, "`${params.b}` does not follow here", "`and` or `or`"),
        ("${params.a} is null", 12..14, "`is` only asks whether something is empty", "`==`"),
        ("${params.a} not null", 12..15, "`not` after a value begins `not in`", "not in"),
        ("3", 0..1, "`3` is a number, not true or false", "is not empty"),
        ("${today}", 0..8, "`${today}` is text, not true or false", "is not empty"),
        ("true and [1]", 9..12, "`[1]` is a list, not true or false", ""),
        ("${run.id} == 3", 0..14, "text (`${run.id}`) and a number (`3`) cannot be compared", "always text"),
        ("true < false", 0..12, "true or false (`true`) and true or false (`false`) cannot be compared", ""),
        ("é == 3", 0..2, "unknown word `é`", "quotes"),
        ("true; true", 4..5, "`;` means nothing here", "and, or, not"),
        ("${params.} == 1", 0..10, "unknown template token `${params.}`", "empty part"),
        ("'a ${todya}' == 'a'", 3..11, "unknown template token `${todya}`", "${today}"),
    ] {
        let error = Condition::parse(text).unwrap_err();
        assert_eq!((error.message.as_str(), error.start..error.end), (expected, place), "{text}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint);
    }
    let deep = format!("{}true{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(Condition::parse(&deep).unwrap_err().message, "nested deeper than 32 levels");
    assert!(Condition::parse(&"not ".repeat(2000)).is_err());
}

#[test]
fn history_gets_the_values_without_secrets() {
    let text = "${params.n} == 3 and ${secret.pw} != 'x' and ${params.hidden} != 'y' and ${params.nowhere} == 1";
    let condition = Condition::parse(text).unwrap();
    let judged = with_scope(Reveal::Masked, |scope| condition.judged(false, scope));
    let values = json!({"${params.n}": 3, "${secret.pw}": "${secret.pw}", "${params.hidden}": "${secret.pw}"});
    assert_eq!(json!(judged), json!({"condition": text, "values": values, "result": false}));
}

#[test]
fn a_condition_is_kept_as_its_text() {
    let condition = Condition::parse("${params.n} == 3").unwrap();
    let kept = serde_json::to_string(&condition).unwrap();
    assert_eq!(kept, "\"${params.n} == 3\"");
    assert_eq!(serde_json::from_str::<Condition>(&kept).unwrap(), condition);
    assert!(serde_json::from_str::<Condition>("\"=\"").is_err());
}

/// A small generator of its own, so that a failing case is told by its seed.
struct Dice(u64);

impl Dice {
    fn of(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn number(&mut self) -> i64 {
        self.of(7) as i64 - 3
    }

    fn chance(&mut self) -> bool {
        self.of(2) == 0
    }
}

/// A condition with what it comes to, worked out by Rust's own operators.
fn judged(dice: &mut Dice, depth: u64) -> (String, bool) {
    match if depth == 0 { dice.of(4) } else { dice.of(8) } {
        0 => {
            let truth = dice.chance();
            (truth.to_string(), truth)
        }
        1 => {
            let (a, b) = (dice.number(), dice.number());
            let all = [("==", a == b), ("!=", a != b), ("<", a < b), ("<=", a <= b), (">", a > b), (">=", a >= b)];
            let (sign, truth) = all[dice.of(6) as usize];
            (format!("{a} {sign} {b}"), truth)
        }
        2 => {
            let (a, is_not) = (dice.number(), dice.chance());
            let list: Vec<i64> = (0..dice.of(4)).map(|_| dice.number()).collect();
            let word = if is_not { "not in" } else { "in" };
            (format!("{a} {word} {list:?}"), list.contains(&a) != is_not)
        }
        3 => {
            let (text, is_not) = ("ab".repeat(dice.of(2) as usize), dice.chance());
            let word = if is_not { "is not empty" } else { "is empty" };
            (format!("'{text}' {word}"), text.is_empty() != is_not)
        }
        4 | 5 => {
            let (inner, truth) = judged(dice, depth - 1);
            (format!("not ({inner})"), !truth)
        }
        6 => {
            let ((a, x), (b, y)) = (judged(dice, depth - 1), judged(dice, depth - 1));
            (format!("({a}) and ({b})"), x && y)
        }
        _ => {
            let ((a, x), (b, y)) = (judged(dice, depth - 1), judged(dice, depth - 1));
            (format!("(({a})or({b}))"), x || y)
        }
    }
}

#[test]
fn any_condition_comes_to_what_rust_makes_of_it() {
    for seed in 0..5000 {
        let (text, expected) = judged(&mut Dice(seed), 5);
        assert_eq!(holds(&text), Ok(expected), "seed {seed}: {text}");
    }
}

#[test]
fn no_text_breaks_the_reader_and_every_place_is_inside_it() {
    let pieces = [
        "a", "é", "1", "-", ".", " ", "${", "}", "params.x", "(", ")", "[", "]", ",", "<", ">", "=", "!", "'", "\"",
        "and", "not", "in", "is", "empty", "$$",
    ];
    for seed in 0..20_000 {
        let mut dice = Dice(seed);
        let text: String = (0..dice.of(12)).map(|_| pieces[dice.of(pieces.len() as u64) as usize]).collect();
        if let Err(error) = Condition::parse(&text) {
            assert!(error.start <= error.end && error.end <= text.len(), "{text}: {error:?}");
            let is_between = text.is_char_boundary(error.start) && text.is_char_boundary(error.end);
            assert!(is_between, "{text}: {error:?}");
        }
    }
}
