//! Values databases like to refuse or to change.

use chrono::TimeDelta;
use host_model::fire::{NewRun, Recorded};
use host_model::port::StoreError;
use host_model::transition::{RunChange, StepChange};
use host_model::{Instant, Json, JsonMap, RunId, StepError, StepErrorKind};

use super::{Bench, ME, at, first_attempt, get, line, map, slot, started, took};

const TEXTS: [&str; 9] = [
    "",
    " leading and trailing ",
    "it's \"quoted\" `so` \\ and $1 ?1 :x --",
    "Zürich, Łódź, Ελλάδα, 日本語, العربية",
    "🦀🚀 four bytes, 👩‍👩‍👧 joined",
    "e\u{301} is not é",
    "tab\tline\nfeed\r\n\u{1}\u{7f}",
    "\u{feff}\u{200b}\u{202e}\u{fffd}\u{ffff}\u{10ffff}",
    "'; drop table ly2_job_runs; --",
];

pub(super) async fn any_text_comes_back_as_it_was(bench: &Bench) {
    let store = bench.open().await;
    for (n, text) in (0..).zip(TEXTS) {
        let mut params = JsonMap::new();
        params.insert(text.to_owned(), text.into());
        let mut due = slot(&format!("job-{n}"), n);
        due.schedule = text.to_owned();
        let owner = format!("{text}/1/2");
        let new = NewRun {
            triggered_by: text.to_owned(),
            owner: owner.clone(),
            placement: text.to_owned(),
            limits: vec![text.to_owned()],
            definition: text.into(),
            params: params.clone(),
            slot: Some(due.clone()),
            ..bench.new_run(&format!("job-{n}"))
        };
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        took(&*store, &[RunChange::cancel(new.id, owner.as_str(), at(1), text.to_owned()).into()]).await;
        store.append_logs(&[line(new.id, 0, text)]).await.unwrap();
        let run = get(&*store, new.id).await;
        assert_eq!((run.triggered_by.as_str(), run.placement.as_str(), run.owner), (text, text, owner));
        assert_eq!(store.find_definition(new.id).await.unwrap().as_deref(), Some(text));
        assert_eq!((run.reason.as_deref(), run.schedule.as_deref(), run.params), (Some(text), Some(text), params));
        assert_eq!(store.list_logs(new.id, 0, 1).await.unwrap()[0].message, text);
        assert_eq!(store.list_slots(&new.job_id, 1).await.unwrap()[0].slot, due);
    }
}

pub(super) async fn a_nul_becomes_visible(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let output = map(r#"{"k\u0000":"v\u0000"}"#);
    let error = StepError::new(StepErrorKind::Failed, "a\0b").with_detail("\0");
    let changes = [
        started(id, 0),
        started(id, 1),
        StepChange::succeed(first_attempt(id, 0), at(2), output.clone(), None, None).into(),
        StepChange::fail(first_attempt(id, 1), at(2), error.clone(), None).into(),
        RunChange::fail(id, ME, at(3), "\0run\0".to_owned()).into(),
    ];
    took(&*store, &changes).await;
    store.append_logs(&[line(id, 0, "a\0b\0"), line(id, 1, "fine")]).await.unwrap();
    let messages: Vec<_> = store.list_logs(id, 0, 9).await.unwrap().into_iter().map(|line| line.message).collect();
    assert_eq!(messages, ["a␀b␀", "fine"]);
    assert_eq!(get(&*store, id).await.error.as_deref(), Some("␀run␀"));
    // JSON has an escape for it, so there it survives.
    let steps = store.list_steps(id).await.unwrap();
    assert_eq!((steps[0].output.as_ref(), steps[1].error.as_ref()), (Some(&output), Some(&error)));
}

pub(super) async fn huge_values_come_back(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let text = "0123456789abcdeé".repeat(300_000);
    let mut output = JsonMap::new();
    output.insert("text".to_owned(), text.as_str().into());
    output.insert("list".to_owned(), (0..20_000).collect::<Vec<i32>>().into());
    let end = StepChange::succeed(first_attempt(id, 0), at(2), output.clone(), None, None);
    took(&*store, &[started(id, 0), end.into()]).await;
    assert_eq!(store.list_steps(id).await.unwrap()[0].output.as_ref(), Some(&output));
    let lines: Vec<_> = (0..4).map(|seq| line(id, seq, &text)).collect();
    store.append_logs(&lines).await.unwrap();
    assert_eq!(store.list_logs(id, 0, 9).await.unwrap(), lines);
}

pub(super) async fn json_keeps_order_numbers_and_escapes(bench: &Bench) {
    let store = bench.open().await;
    let text = r#"{"z":1,"a":[{},[],null,true,-0.5,1e300,9007199254740993,-9223372036854775808,18446744073709551615],"m":{"ß":"\"\\/\b\f\n\r\t"}}"#;
    let params = map(text);
    let new = NewRun { params: params.clone(), overrides: JsonMap::new(), ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    let run = get(&*store, new.id).await;
    assert_eq!(run.params, params);
    assert_eq!(run.params.keys().collect::<Vec<_>>(), ["z", "a", "m"], "the order of keys is part of what was said");
    assert!(run.overrides.is_empty());
}

pub(super) async fn json_too_deep_to_read_is_replaced(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let nest = |levels: usize| {
        let inner = (1..levels).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
        let mut map = JsonMap::new();
        map.insert("nest".to_owned(), inner);
        map
    };
    for (index, levels) in [(0, 120), (1, 121)] {
        let end = StepChange::succeed(first_attempt(id, index), at(2), nest(levels), None, None);
        took(&*store, &[started(id, index), end.into()]).await;
    }
    let steps = store.list_steps(id).await.unwrap();
    assert_eq!(steps[0].output.as_ref(), Some(&nest(120)));
    assert_eq!(steps[1].output.as_ref(), Some(&map(r#"{"not_kept":"nested deeper than 120 levels"}"#)));
}

pub(super) async fn instants_are_kept_to_the_millisecond(bench: &Bench) {
    let store = bench.open().await;
    let cases = [
        (at(0) + TimeDelta::nanoseconds(123_999_999), at(123)),
        (Instant::from_timestamp_millis(0).unwrap(), Instant::from_timestamp_millis(0).unwrap()),
        (Instant::from_timestamp_millis(-1).unwrap(), Instant::from_timestamp_millis(-1).unwrap()),
        (Instant::MAX_UTC, Instant::from_timestamp_millis(253_402_300_799_999).unwrap()),
    ];
    for (given, kept) in cases {
        let id = bench.running(&*store, "nightly").await.id;
        took(&*store, &[RunChange::succeed(id, ME, given).into()]).await;
        assert_eq!(get(&*store, id).await.finished_at, Some(kept));
    }
}

pub(super) async fn a_row_that_cannot_be_read_names_column_and_value(bench: &Bench) {
    let store = bench.open().await;
    let id = bench.running(&*store, "nightly").await.id;
    let instant = if store.dialect() == "sqlite" { "yesterday" } else { "infinity" };
    let instant = ("started_at", instant, if store.dialect() == "sqlite" { "yesterday" } else { "infinite" });
    for (column, value, said) in [("params", "[1]", "`[1]`"), ("job_id", "not a job", "not a job"), instant] {
        bench.execute("delete from ly2_job_runs where id = '0000000000001'").await.unwrap();
        let copy = format!(
            "insert into ly2_job_runs (id, job_id, status, triggered_by, queued_at, step_count, log_level, params, \
             overrides, owner, exclusive) select '0000000000001', 'copy', status, triggered_by, queued_at, step_count, \
             log_level, params, overrides, owner, exclusive from ly2_job_runs where id = '{id}'; \
             update ly2_job_runs set {column} = '{value}' where id = '0000000000001'"
        );
        bench.execute(&copy).await.unwrap();
        match store.find_run(RunId::parse("0000000000001").unwrap()).await {
            Err(StoreError::Corrupt { message, .. }) => {
                assert!(message.contains(&format!("`{column}`")) && message.contains(said), "{message}");
            }
            other => panic!("{column}: {other:?}"),
        }
    }
}

pub(super) async fn the_largest_run_id_and_seq_are_fine(bench: &Bench) {
    let store = bench.open().await;
    let id = RunId::parse("fzzzzzzzzzzzz").unwrap();
    let new = NewRun { id, ..bench.new_run("nightly") };
    assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
    assert_eq!(get(&*store, id).await.id, id);
    let last = i64::MAX as u64 - 1;
    store.append_logs(&[line(id, last, "last")]).await.unwrap();
    assert_eq!(store.list_logs(id, last, 1).await.unwrap()[0].seq, last);
    assert_eq!(store.count_logs(id).await.unwrap(), i64::MAX as u64);
}
