//! Search over the log lines of all runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use host_model::RunId;
use host_model::log::{LogLevel, LogLine};
use host_model::port::{PrunePass, Store};
use host_model::search::{Found, LineSearch, LogSearch, Place, Words};
use host_model::transition::RunChange;
use host_model::version::Renamed;

use super::{Bench, ME, at, job_id, line, step_name, took};

impl Bench {
    async fn open_search(&self) -> (Arc<dyn Store>, Arc<dyn LogSearch>) {
        let roles = crate::open_roles(&self.url, &self.home).await.unwrap();
        (roles.store, roles.search)
    }
}

fn asking(words: &str) -> LineSearch {
    let words = Words::parse(words).unwrap();
    LineSearch { words, jobs: None, level: None, from: None, to: None, before: None, limit: 100 }
}

/// The texts of the hits.
fn texts(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.line.message.as_str()).collect()
}

async fn find(search: &dyn LogSearch, asked: &LineSearch) -> Vec<String> {
    texts(&search.search(asked).await.unwrap()).into_iter().map(str::to_owned).collect()
}

fn only(jobs: &[&str]) -> Option<BTreeSet<host_model::JobId>> {
    Some(jobs.iter().map(|id| job_id(id)).collect())
}

/// `count` lines of a run, each with its number, `rare` in every hundredth.
fn many(run: RunId, count: u64) -> Vec<LogLine> {
    let text = |n: u64| format!("row {n} of NOMAJDE.F{:04}{}", n % 7, if n.is_multiple_of(100) { " rare" } else { "" });
    (0..count).map(|n| line(run, n, &text(n))).collect()
}

pub(super) async fn lines_of_all_runs_are_found_by_their_words_newest_first(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let (a, b) = (bench.queued(&*store, "a").await.id, bench.queued(&*store, "b").await.id);
    store.append_logs(&[line(a, 0, "copying NOMAJDE.F0004"), line(a, 1, "42 rows, été")]).await.unwrap();
    store.append_logs(&[line(b, 0, "no such table: nomajde.f0004"), line(b, 1, "42 rows of f0004")]).await.unwrap();
    store.append_logs(&[line(a, 2, "f0004 done")]).await.unwrap();
    let both = ["f0004 done", "42 rows of f0004", "no such table: nomajde.f0004", "copying NOMAJDE.F0004"];
    assert_eq!(find(&*search, &asking("F0004")).await, both);
    assert_eq!(find(&*search, &asking("nomajde.f0004")).await, both[2..]);
    assert_eq!(find(&*search, &asking("rows f0004")).await, ["42 rows of f0004"]);
    assert_eq!(find(&*search, &asking("\"such table\"")).await, [both[2]]);
    assert_eq!(find(&*search, &asking("f00* cop*")).await, [both[3]]);
    assert_eq!(find(&*search, &asking("ÉTÉ")).await, ["42 rows, été"]);
    assert!(find(&*search, &asking("nowhere")).await.is_empty());
    assert!(find(&*search, &asking("done copying")).await.is_empty(), "neighbors are not one line");
    let found = search.search(&asking("rows f0004")).await.unwrap();
    let hit = &found.hits[0];
    assert_eq!(
        (hit.line.run_id, hit.line.seq, &hit.job_id, hit.marks.as_slice()),
        (b, 1, &job_id("b"), &[3..7, 11..16][..])
    );
    assert_eq!((found.next, found.is_cut, found.indexed_from), (None, false, None));
}

pub(super) async fn a_search_goes_on_where_its_page_ended(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let (a, b) = (bench.queued(&*store, "a").await.id, bench.queued(&*store, "b").await.id);
    for part in many(a, 2_000).chunks(300) {
        store.append_logs(part).await.unwrap();
    }
    store.append_logs(&many(b, 500)).await.unwrap();
    for (words, total) in [("rare", 25_usize), ("row", 2_500), ("nomajde.f0003", 357)] {
        let (mut asked, mut seen) = (LineSearch { limit: 7, ..asking(words) }, Vec::new());
        let mut pages = 0;
        loop {
            let found = search.search(&asked).await.unwrap();
            seen.extend(found.hits.iter().map(|hit| (hit.line.run_id, hit.line.seq)));
            pages += 1;
            let Some(next) = found.next else { break };
            assert_eq!(found.hits.len(), 7);
            asked.before = Place::parse(&next.to_string());
        }
        assert_eq!((seen.len(), pages), (total, total.div_ceil(7)), "{words}");
        let mut expected = seen.clone();
        expected.sort_by(|one, other| other.cmp(one));
        expected.dedup();
        assert_eq!(seen, expected, "{words}");
    }
}

pub(super) async fn conditions_of_a_search_hold_together(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let (a, b) = (bench.queued(&*store, "a").await.id, bench.queued(&*store, "b").await.id);
    let said = |run, seq, level, millis, text: &str| LogLine {
        level,
        at: at(millis),
        step: Some(step_name("load")),
        attempt: 1,
        ..line(run, seq, text)
    };
    const DAY: i64 = 86_400_000;
    let lines = [
        said(a, 0, LogLevel::Info, 0, "first word"),
        said(a, 1, LogLevel::Error, DAY, "second word"),
        said(b, 0, LogLevel::Warning, 2 * DAY, "third word"),
        said(b, 1, LogLevel::Debug, 400 * DAY, "fourth word"),
    ];
    store.append_logs(&lines).await.unwrap();
    let all = || asking("word");
    let in_time = |from: Option<i64>, to: Option<i64>| LineSearch { from: from.map(at), to: to.map(at), ..all() };
    for (asked, expected) in [
        (all(), &["fourth word", "third word", "second word", "first word"][..]),
        (LineSearch { level: Some(LogLevel::Warning), ..all() }, &["third word", "second word"]),
        (LineSearch { level: Some(LogLevel::Error), ..all() }, &["second word"]),
        (LineSearch { jobs: only(&["a"]), ..all() }, &["second word", "first word"]),
        (LineSearch { jobs: only(&["a", "x"]), level: Some(LogLevel::Error), ..all() }, &["second word"]),
        (LineSearch { jobs: only(&["x"]), ..all() }, &[]),
        (LineSearch { jobs: only(&[]), ..all() }, &[]),
        (in_time(Some(DAY), None), &["fourth word", "third word", "second word"]),
        (in_time(Some(DAY), Some(2 * DAY)), &["second word"]),
        (in_time(None, Some(2 * DAY + 1)), &["third word", "second word", "first word"]),
        (in_time(Some(1), Some(300 * DAY)), &["third word", "second word"]),
        (in_time(Some(DAY), Some(0)), &[]),
    ] {
        assert_eq!(find(&*search, &asked).await, expected, "{asked:?}");
    }
}

pub(super) async fn a_line_that_comes_twice_is_found_once(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let run = bench.queued(&*store, "a").await.id;
    let lines: Vec<LogLine> = (0..10).map(|n| line(run, n, &format!("word {n}"))).collect();
    store.append_logs(&lines[..6]).await.unwrap();
    store.append_logs(&lines[4..]).await.unwrap();
    store.append_logs(&lines).await.unwrap();
    store.append_logs(&[line(run, 10, "word a"), line(run, 10, "other b"), line(run, 3, "other c")]).await.unwrap();
    assert_eq!(find(&*search, &asking("word")).await.len(), 11);
    assert!(find(&*search, &asking("other")).await.is_empty());
}

pub(super) async fn lines_of_unknown_runs_are_shown_to_nobody(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    store.append_logs(&[line(RunId::from_parts(5, 5), 0, "word")]).await.unwrap();
    assert!(find(&*search, &asking("word")).await.is_empty());
}

pub(super) async fn a_renamed_job_keeps_its_lines(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let versions = bench.open_versions().await;
    let run = bench.running(&*store, "a").await.id;
    store.append_logs(&[line(run, 0, "word")]).await.unwrap();
    took(&*store, &[RunChange::cancel(run, ME, at(9), "x".to_owned()).into()]).await;
    assert_eq!(versions.rename_job(&job_id("a"), &job_id("z"), false).await.unwrap(), Renamed::Done);
    let found = search.search(&LineSearch { jobs: only(&["z"]), ..asking("word") }).await.unwrap();
    assert_eq!(found.hits[0].job_id, job_id("z"));
    assert!(find(&*search, &LineSearch { jobs: only(&["a"]), ..asking("word") }).await.is_empty());
}

pub(super) async fn pruned_lines_are_not_found_and_leave_nothing_in_the_index(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let mut runs = Vec::new();
    for job in ["old", "new"] {
        let run = bench.running(&*store, job).await.id;
        store.append_logs(&many(run, 300)).await.unwrap();
        runs.push(run);
    }
    took(&*store, &[RunChange::cancel(runs[0], ME, at(10), "x".to_owned()).into()]).await;
    while store.prune(PrunePass::Logs, at(1_000), 40).await.unwrap().log_rows > 0 {}
    let found = search.search(&asking("rare")).await.unwrap();
    assert_eq!(found.hits.iter().map(|hit| hit.line.run_id).collect::<BTreeSet<_>>(), BTreeSet::from([runs[1]]));
    let left = bench.number(&format!("select count(*) from ly2_log_blocks where run_id = '{}'", runs[0])).await;
    assert_eq!(left, 0);
}

pub(super) async fn lines_from_before_the_index_are_indexed_bit_by_bit(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let mut runs = Vec::new();
    for n in 0..5 {
        let run = bench.queued(&*store, &format!("job{n}")).await.id;
        store.append_logs(&many(run, 100 * n + 50)).await.unwrap();
        runs.push(run);
    }
    // As if the last run had gone on writing after the index was made.
    bench.execute("delete from ly2_log_blocks").await.unwrap();
    store.append_logs(&[line(runs[4], 450, "row 450 rare")]).await.unwrap();
    let sql = format!("insert into ly2_log_backlog (id, run_id) values (1, '{}')", runs[4]);
    bench.execute(&sql).await.unwrap();
    let found = search.search(&asking("rare")).await.unwrap();
    assert_eq!((found.hits.len(), found.indexed_from), (1, Some(found.hits[0].line.at)));
    let mut batches = 0;
    while search.index_older(70).await.unwrap() {
        batches += 1;
        assert!(batches < 100);
    }
    assert!(batches > 10, "{batches}");
    let found = search.search(&LineSearch { limit: 2_000, ..asking("row") }).await.unwrap();
    let places: Vec<(RunId, u64)> = found.hits.iter().map(|hit| (hit.line.run_id, hit.line.seq)).collect();
    let mut expected = places.clone();
    expected.sort_by(|one, other| other.cmp(one));
    expected.dedup();
    assert_eq!((places.len(), found.indexed_from), (1_251, None));
    assert_eq!(places, expected, "the newest first, each once");
    assert!(!search.index_older(70).await.unwrap());
}

pub(super) async fn a_search_that_takes_too_long_says_so_and_can_go_on(bench: &Bench) {
    let (store, search) = bench.open_search().await;
    let run = bench.queued(&*store, "a").await.id;
    // Both words are in every block and never in one line, so every line has to be looked at.
    let text = |n: u64| if n.is_multiple_of(2) { "left" } else { "right" };
    for part in 0..4 {
        let lines: Vec<LogLine> = (part * 5_000..(part + 1) * 5_000).map(|n| line(run, n, text(n))).collect();
        store.append_logs(&lines).await.unwrap();
    }
    let began = std::time::Instant::now();
    let mut asked = asking("left right");
    let mut pages = 0;
    loop {
        let found = search.search(&asked).await.unwrap();
        pages += 1;
        assert!(found.hits.is_empty() && found.is_cut == found.next.is_some());
        let Some(next) = found.next else { break };
        assert!(asked.before.is_none_or(|before| next.block < before.block), "it gets on");
        asked.before = Some(next);
    }
    assert!(began.elapsed().as_secs() < 3 * pages + 1);
}
