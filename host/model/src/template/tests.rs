//! Tokens, types, masking and dates.

use std::collections::HashMap;

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::json;

use super::*;
use crate::{JobId, JsonMap, RunId, StepName, StepStatus};

fn map(json: serde_json::Value) -> JsonMap {
    match json {
        serde_json::Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

fn with_scope<R>(date: &str, reveal: Reveal, work: impl FnOnce(&Scope<'_>) -> R) -> R {
    let job_id = JobId::new("j").unwrap();
    let params = map(
        json!({"apps_id": 10, "list": [1, {"k": "deep"}], "flag": true, "period": "${month.previous}", "a": "${params.b}", "b": "${params.a}", "minutes": "${params.minutes}"}),
    );
    let shared = map(json!({"apps_id": 7, "minutes": 15}));
    let copy = StepName::new("copy").unwrap();
    let off = StepName::new("off").unwrap();
    let steps = HashMap::from([
        (copy.clone(), StepResult { status: StepStatus::Succeeded, output: map(json!({"rows": 336_776})) }),
        (off, StepResult { status: StepStatus::Canceled, output: JsonMap::new() }),
    ]);
    let env = |name: &str| (name == "CITY").then(|| "Lyon".to_owned());
    let secret = |name: &str| (name == "pw").then(|| "s3cret".to_owned());
    let scope = Scope {
        run_id: RunId::from_parts(1, 1),
        job_id: &job_id,
        scheduled_at: Utc.with_ymd_and_hms(2026, 3, 1, 1, 0, 0).unwrap(),
        date: NaiveDate::parse_from_str(date, "%Y-%m-%d").unwrap(),
        params: &params,
        shared: &shared,
        steps: &steps,
        previous: Some(&copy),
        env: &env,
        secret: &secret,
        reveal,
    };
    work(&scope)
}

fn resolve(text: &str) -> Result<serde_json::Value, String> {
    with_scope("2026-03-01", Reveal::All, |s| s.resolve_text(text).map_err(|e| e.to_string()))
}

#[test]
fn one_token_alone_keeps_its_type_and_inside_text_it_is_rendered() {
    assert_eq!(resolve("${params.apps_id}"), Ok(json!(10)));
    assert_eq!(resolve("app ${params.apps_id}!"), Ok(json!("app 10!")));
    assert_eq!(resolve("${params.list.1.k}"), Ok(json!("deep")));
    assert_eq!(resolve("${steps.copy.rows}"), Ok(json!(336_776)));
    assert_eq!(resolve("${previous_step.rows} rows"), Ok(json!("336776 rows")));
    assert_eq!(resolve("${job.id}/${run.scheduled_at}"), Ok(json!("j/2026-03-01T01:00:00.000Z")));
}

#[test]
fn environment_and_defaults() {
    assert_eq!(resolve("${env.CITY}"), Ok(json!("Lyon")));
    assert_eq!(resolve("${CITY}"), Ok(json!("Lyon")));
    assert_eq!(resolve("${NOWHERE:-Paris}"), Ok(json!("Paris")));
    assert_eq!(resolve("${CITY:-Paris}"), Ok(json!("Lyon")));
    assert!(resolve("${env.NOWHERE}").unwrap_err().contains("NOWHERE"));
}

#[test]
fn history_never_sees_environment_or_secrets() {
    let masked = with_scope("2026-03-01", Reveal::Masked, |s| {
        s.resolve_json(&json!({"a": "${secret.pw}", "b": "u:${env.CITY}", "c": "${params.apps_id}"})).unwrap()
    });
    assert_eq!(masked, json!({"a": "${secret.pw}", "b": "u:${env.CITY}", "c": 10}));
    assert_eq!(resolve("${secret.pw}"), Ok(json!("s3cret")));
}

#[test]
fn parameters_may_hold_tokens_but_never_a_circle() {
    assert_eq!(resolve("p=${params.period}"), Ok(json!("p=2026-02")));
    let circle = resolve("${params.a}").unwrap_err();
    assert!(circle.contains("circle") && circle.matches("params.a").count() <= 2, "{circle}");
}

#[test]
fn an_argument_may_pass_a_shared_parameter_of_its_own_name_on() {
    assert_eq!(resolve("${params.minutes}"), Ok(json!(15)));
    let all = with_scope("2026-03-01", Reveal::All, |s| {
        let params =
            map(json!({"minutes": "${params.minutes}", "late": "after ${params.minutes}", "id": "${params.apps_id}"}));
        Scope { params: &params, ..*s }.resolve_params().unwrap()
    });
    assert_eq!(serde_json::Value::from(all), json!({"minutes": 15, "late": "after 15", "id": 7}));
}

#[test]
fn a_dollar_before_the_brace_escapes_the_token() {
    assert_eq!(resolve("$${params.x} costs 5$"), Ok(json!("${params.x} costs 5$")));
}

#[test]
fn date_words_count_from_the_slots_day() {
    let on = |date: &str, word: &str| with_scope(date, Reveal::All, |s| s.resolve_text(word).unwrap());
    assert_eq!(on("2026-03-01", "${month.previous}"), json!("2026-02"));
    assert_eq!(on("2026-01-31", "${month.previous}"), json!("2025-12"));
    assert_eq!(on("2026-03-01", "${yesterday}"), json!("2026-02-28"));
    assert_eq!(on("2028-02-10", "${month.last}"), json!("2028-02-29"));
    // 2026-03-01 is a Sunday: its week began on 23 February.
    assert_eq!(on("2026-03-01", "${week.monday}..${week.sunday}"), json!("2026-02-23..2026-03-01"));
}

#[test]
fn mistakes_name_the_token_and_the_nearest_word() {
    let error = parse("x ${month.prevous}").unwrap_err();
    assert_eq!((error.start, error.end), (2, 18));
    assert_eq!(error.hint.as_deref(), Some("did you mean `${month.previous}`?"));
    assert!(parse("${steps.copy}").is_err());
    assert!(parse("${params.}").is_err());
    assert!(parse("${open").unwrap_err().message.contains("not closed"));
    assert!(resolve("${steps.copi.rows}").unwrap_err().contains("no step named `copi`"));
    assert!(resolve("${steps.off.rows}").unwrap_err().contains("CANCELED"));
    assert!(resolve("${params.appsid}").unwrap_err().contains("no `appsid`"));
}

#[test]
fn the_checking_walk_and_the_filling_walk_see_the_same_fields() {
    use crate::job::spec::*;
    let tag = || "${params.flag}".to_owned();
    let specs = [
        StepSpec::SqlQuery(SqlQuerySpec { connector: tag(), query: tag(), params: map(json!({"a": tag()})) }),
        StepSpec::SqlCopy(SqlCopySpec {
            source: CopySource {
                connector: tag(),
                table: SourceTable::Table { schema: Some(tag()), table: tag() },
                columns: vec![tag()],
                filter: Some(tag()),
                params: map(json!({"a": tag()})),
            },
            target: CopyTarget { connector: tag(), schema: Some(tag()), table: tag() },
            mode: CopyMode::Append,
            type_coercion: TypeCoercion::None,
            decimal_mode: DecimalMode::Truncate,
            strip_both_columns: vec![tag()],
            batch_size: 1,
            parallel: 1,
            key_columns: vec![tag()],
            julian_columns: vec![tag()],
            decimal_columns: Default::default(),
            data_dictionary: Some(Box::new(DataDictionary {
                connector: Some(tag()),
                schema: Some(tag()),
                table: tag(),
            })),
            on_bad_row: OnBadRow::SkipTo,
            bad_row_table: Some(tag()),
            verify: Verify::Counts,
        }),
        StepSpec::Wasm { callable: tag(), pins: Default::default() },
        StepSpec::Http(HttpSpec {
            headers: map(json!({"a": tag()})),
            query: map(json!({"q": [tag()]})),
            body: json!([tag(), {"b": tag()}]),
            form: map(json!({"f": tag()})),
            auth: Some(HttpAuth::Basic { user: tag(), password: tag() }),
            pick: Some(tag()),
            pagination: Some(Pagination { by: PageBy::Cursor { cursor: tag(), param: Some(tag()) }, max_pages: 3 }),
            proxy: Some(tag()),
            ca_file: Some(tag()),
            ..HttpSpec::get(tag())
        }),
        StepSpec::Http(HttpSpec {
            auth: Some(HttpAuth::Header { name: tag(), value: tag() }),
            pagination: Some(Pagination { by: PageBy::Page { param: tag(), first: 1 }, max_pages: 3 }),
            ..HttpSpec::get("http://h/")
        }),
        StepSpec::LdapSync(Box::new(LdapSyncSpec {
            directory: tag(),
            server: tag(),
            bind_dn: tag(),
            bind_password: tag(),
            start_tls: false,
            ca_file: Some(tag()),
            search_base: tag(),
            search_filter: tag(),
            scope: LdapScope::Subtree,
            referrals: Default::default(),
            attributes: vec![tag()],
            page_size: 500,
            target_connector: tag(),
            target_schema: Some(tag()),
            target_table: tag(),
            target_query: tag(),
            mapping: map(json!({"mail": tag(), "cn": {"column": tag()}})),
            multi_values: MultiValues::Join,
            separator: tag(),
            key_columns: vec![tag()],
            delete_mode: DeleteMode::Soft,
            delete_column: Some(tag()),
            max_delete_percent: 20,
            allow_empty: false,
        })),
        StepSpec::CallJob { job: JobId::new("other").unwrap(), params: map(json!({"p": tag()})) },
    ];
    for spec in specs {
        let mut seen = 0;
        for_each_string(&spec, &mut |_, text| seen += usize::from(text == tag()));
        let filled = with_scope("2026-03-01", Reveal::All, |s| resolve_spec(&spec, s).unwrap());
        let text = format!("{filled:?}");
        assert!(!text.contains("${"), "{text}");
        let filled_in = text.matches("\"true\"").count() + text.matches("Bool(true)").count();
        assert_eq!(seen, filled_in, "{text}");
    }
}
