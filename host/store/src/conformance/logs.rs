//! Log lines.

use host_model::RunId;
use host_model::log::{LogLevel, LogLine};

use super::{Bench, at, line, step_name};

fn lines(run: RunId, range: std::ops::Range<u64>) -> Vec<LogLine> {
    range.map(|seq| line(run, seq, &format!("line {seq}"))).collect()
}

pub(super) async fn lines_come_back_in_order_of_seq(bench: &Bench) {
    let store = bench.open().await;
    let run = RunId::from_parts(5, 5);
    let mut expected: Vec<LogLine> =
        LogLevel::ALL.into_iter().zip(0..).map(|(level, seq)| LogLine { level, ..line(run, seq, "x") }).collect();
    expected.push(LogLine { step: Some(step_name("load")), attempt: 3, at: at(-5), ..line(run, 4, "earlier clock") });
    let mut sent = expected.clone();
    sent.reverse();
    store.append_logs(&sent).await.unwrap();
    assert_eq!(store.list_logs(run, 0, 100).await.unwrap(), expected);
    assert_eq!(store.count_logs(run).await.unwrap(), 5);
}

pub(super) async fn a_batch_sent_twice_is_there_once(bench: &Bench) {
    let store = bench.open().await;
    let run = RunId::from_parts(5, 5);
    store.append_logs(&lines(run, 0..10)).await.unwrap();
    store.append_logs(&lines(run, 5..15)).await.unwrap();
    store.append_logs(&lines(run, 0..15)).await.unwrap();
    assert_eq!(store.list_logs(run, 0, 100).await.unwrap(), lines(run, 0..15));
}

pub(super) async fn a_line_that_is_there_stays_as_it_is(bench: &Bench) {
    let store = bench.open().await;
    let run = RunId::from_parts(5, 5);
    store.append_logs(&[line(run, 0, "first")]).await.unwrap();
    store.append_logs(&[line(run, 0, "second"), line(run, 1, "a"), line(run, 1, "b")]).await.unwrap();
    let messages: Vec<_> = store.list_logs(run, 0, 9).await.unwrap().into_iter().map(|line| line.message).collect();
    assert_eq!(messages, ["first", "a"]);
}

pub(super) async fn a_page_begins_where_it_is_told(bench: &Bench) {
    let store = bench.open().await;
    let run = RunId::from_parts(5, 5);
    store.append_logs(&lines(run, 0..30)).await.unwrap();
    assert_eq!(store.list_logs(run, 10, 5).await.unwrap(), lines(run, 10..15));
    assert_eq!(store.list_logs(run, 28, 5).await.unwrap(), lines(run, 28..30));
    assert!(store.list_logs(run, 30, 5).await.unwrap().is_empty());
    assert!(store.list_logs(run, u64::MAX, u32::MAX).await.unwrap().is_empty());
    assert!(store.list_logs(run, 0, 0).await.unwrap().is_empty());
}

pub(super) async fn ten_thousand_lines_in_one_call_are_all_there(bench: &Bench) {
    let store = bench.open().await;
    let run = RunId::from_parts(5, 5);
    let sent = lines(run, 0..10_001);
    store.append_logs(&sent).await.unwrap();
    assert_eq!(store.count_logs(run).await.unwrap(), 10_001);
    assert_eq!(store.list_logs(run, 0, 20_000).await.unwrap(), sent);
}

pub(super) async fn lines_of_many_runs_share_a_batch(bench: &Bench) {
    let store = bench.open().await;
    let runs: Vec<RunId> = (0..20).map(|n| RunId::from_parts(7, n)).collect();
    let mixed: Vec<LogLine> = (0..50).flat_map(|seq| runs.iter().map(move |run| line(*run, seq, "x"))).collect();
    store.append_logs(&mixed).await.unwrap();
    for run in runs {
        assert_eq!(store.count_logs(run).await.unwrap(), 50);
    }
    assert_eq!(store.count_logs(RunId::from_parts(8, 0)).await.unwrap(), 0);
}

pub(super) async fn an_empty_batch_is_fine(bench: &Bench) {
    bench.open().await.append_logs(&[]).await.unwrap();
}
