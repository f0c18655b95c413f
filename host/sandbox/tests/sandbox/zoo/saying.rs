//! Lines without end, lines without a break, results too large, streams that are not asked.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_lines_are_slowed_cut_off_and_ended() {
    let allowed = Duration::from_millis(500);
    for callable in ["flood", "print"] {
        let zoo = Zoo::with("[limits]\nlog_lines_per_second = 200\n").await;
        let fate = zoo.fate_within(callable, json!({}), allowed).await;
        fate.error(StepErrorKind::Timeout, allowed);
        // What waits in the queue at the end comes on top.
        assert!(fate.lines.len() < 1_000, "{callable}: {}", fate.lines.len());
        zoo.home.grant("zoo", "[limits]\nlog_lines = 100\n");
        let fate = zoo.fate_within(callable, json!({}), allowed).await;
        fate.error(StepErrorKind::Timeout, allowed);
        assert_eq!(fate.lines.len(), 101, "{callable}");
        fate.said("WARNING log_lines limit of 100 lines reached, further lines are dropped");
    }
}

#[tokio::test]
async fn a_line_of_fifty_megabytes_is_cut() {
    let zoo = Zoo::with("").await;
    let fate = zoo.fate("line", json!({"bytes": 50_000_000})).await;
    assert!(fate.took < Duration::from_secs(30), "{:?}", fate.took);
    fate.output();
    assert_eq!(fate.lines.len(), 2);
    assert!(fate.lines.iter().all(|line| line.len() < 9_000), "{:?}", fate.lines.iter().map(String::len));
    fate.said("… (cut, 50000000 bytes)");
}

#[tokio::test]
async fn fields_without_number_become_a_few_lines() {
    let zoo = Zoo::with("[limits]\nlog_lines = 10\n").await;
    let fate = zoo.fate("fields", json!({"bytes": 200_000})).await;
    fate.output();
    assert_eq!(fate.lines.len(), 11);
}

#[tokio::test]
async fn a_result_of_fifty_megabytes_is_refused() {
    let zoo = Zoo::with("").await;
    let fate = zoo.fate("result", json!({"bytes": 50_000_000})).await;
    fate.crash("returned 50000002 bytes, its limit is 1048576 (`output_bytes` in `plugins/app/zoo.toml`)");
}

#[tokio::test]
async fn a_stream_that_is_not_asked_whether_there_is_room_ends_the_call() {
    let zoo = Zoo::with("[limits]\nlog_lines = 100000000\n").await;
    zoo.fate("unasked", json!({})).await.crash("it wrote more to a stream than the stream allowed");
    zoo.fate("zeroes", json!({"n": 1_u64 << 40})).await.crash("cannot write more zeroes than `check_write` allows");
}
