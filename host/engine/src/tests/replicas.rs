//! Several processes on one store: the lease, runs that change hands, processes that vanish or only seemed to.
//!
//! All of them live in this test's process; one "vanishes" when the others are told that its pid is gone, or when its engine
//! is stopped without a farewell.

use std::sync::atomic::AtomicBool;

use host_model::Placement;
use host_model::event::Event;
use host_model::job::OnRestart;
use host_model::run::RunStatus;

use super::*;
use crate::SchedulerState;

const LONG: Duration = Duration::from_secs(20);

pub(super) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let begin = std::time::Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < LONG, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A process of this name on the store of `folder`, with a store of its own and one to look at it from outside.
struct Process {
    engine: Engine,
    faulty: Arc<faults::Faulty>,
}

impl std::ops::Deref for Process {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.engine
    }
}

async fn process(folder: &tempfile::TempDir, jobs: Vec<Job>, presence: Presence) -> (Process, Arc<dyn Store>) {
    let store = open(folder).await;
    let faulty = faults::Faulty::new(store.clone());
    // Whoever has another machine's name counts as alive until it is silent.
    let parts = EngineParts { presence, ..parts(faulty.clone(), jobs) };
    (Process { engine: Engine::start(parts).await.unwrap(), faulty }, store)
}

pub(super) fn named(owner: &str, room: u32, scheduler_enabled: bool) -> Presence {
    Presence { room, scheduler_enabled, ..presence_of(owner) }
}

/// Ends everything a process does, without a word to the others.
fn vanish(process: Process) {
    process.faulty.away.store(true, Ordering::SeqCst);
    process.engine.vanish();
}

pub(super) fn manual(job: &str, placement: Option<Placement>) -> FireRequest {
    FireRequest { placement, ..FireRequest::manual(JobId::new(job).unwrap(), Trigger::Api) }
}

#[tokio::test]
async fn one_of_two_processes_has_the_lease_and_the_other_takes_it_over_when_it_is_free_or_silent() {
    let folder = tempfile::tempdir().unwrap();
    let (first, store) = process(&folder, vec![], named("a/1/1", 8, true)).await;
    until("the first has the lease", async || first.scheduler_state() == SchedulerState::Active).await;
    let (second, _) = process(&folder, vec![], named("b/1/1", 8, true)).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    assert_eq!(second.scheduler_state(), SchedulerState::Standby);
    let lease = store.find_lease().await.unwrap().unwrap();
    assert_eq!((lease.holder.as_str(), lease.term), ("a/1/1", 1));

    first.shutdown(Duration::ZERO, &CancelToken::new()).await;
    until("the second has the lease", async || second.scheduler_state() == SchedulerState::Active).await;
    let owners: Vec<String> =
        store.list_replicas().await.unwrap().into_iter().map(|replica| replica.presence.owner).collect();
    assert_eq!(owners, ["b/1/1"], "a graceful stop says farewell");

    let (third, _) = process(&folder, vec![], named("c/1/1", 8, true)).await;
    vanish(second);
    until("the third has the lease", async || third.scheduler_state() == SchedulerState::Active).await;
    assert_eq!(store.find_lease().await.unwrap().unwrap().term, 3);
}

#[tokio::test]
async fn runs_without_a_place_wait_for_any_process_and_labels_choose_it() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = || vec![job("j", vec![step("a", "hang")]), job("k", vec![step("a", "echo")])];
    let (small, store) = process(&folder, jobs(), named("a/1/1", 1, false)).await;
    let run_of = async |run| store.find_run(run).await.unwrap().unwrap();
    let first = small.fire(manual("j", None)).await.unwrap().run_id;
    let here = small.fire(manual("k", None)).await.unwrap().run_id;
    let any = small.fire(manual("k", Some(Placement::Any))).await;
    assert!(any.is_err(), "one run of a job at a time, wherever: {any:?}");
    small.cancel(here, "api").await.unwrap();
    until("the one that waits is canceled", async || run_of(here).await.status == RunStatus::Canceled).await;

    let any = small.fire(manual("k", Some(Placement::Any))).await.unwrap().run_id;
    let big = Presence { labels: vec!["big".into()], ..named("b/1/1", 8, false) };
    let (_big, _) = process(&folder, vec![], big).await;
    until("another process runs it", async || run_of(any).await.status == RunStatus::Succeeded).await;
    let run = run_of(any).await;
    assert_eq!((run.owner.as_str(), run.term, run.placement.as_str()), ("b/1/1", 1, "any"));

    let labeled = small.fire(manual("k", Some(Placement::Label("big".into())))).await.unwrap().run_id;
    until("the label finds it", async || run_of(labeled).await.status == RunStatus::Succeeded).await;
    assert_eq!(run_of(labeled).await.owner, "b/1/1");
    let nowhere = small.fire(manual("k", Some(Placement::Label("gpu".into())))).await.unwrap().run_id;
    small.cancel(first, "api").await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!((run_of(nowhere).await.status, run_of(nowhere).await.owner), (RunStatus::Queued, String::new()));
}

#[tokio::test]
async fn a_process_that_introduces_itself_while_another_looks_around_keeps_its_run() {
    let folder = tempfile::tempdir().unwrap();
    let (watcher, _) = process(&folder, vec![], named("a/1/1", 8, false)).await;
    let (new, store) = process(&folder, vec![job("j", vec![step("a", "hang")])], named("b/1/1", 8, false)).await;
    let run = new.fire(manual("j", None)).await.unwrap().run_id;
    until("it runs", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Running).await;
    let beats = async || {
        let replicas = store.list_replicas().await.unwrap();
        replicas.iter().find(|r| r.presence.owner == "a/1/1").map_or(0, |r| r.beat)
    };
    let before = beats().await;
    // The processes are read just before the new one comes, the owners of runs just after.
    *watcher.faulty.not_yet.lock().unwrap() = Some("b/1/1".to_owned());
    until("the other has looked twice", async || beats().await >= before + 3).await;
    let run = store.find_run(run).await.unwrap().unwrap();
    assert_eq!((run.status, run.owner.as_str(), run.term), (RunStatus::Running, "b/1/1", 1));
}

#[tokio::test]
async fn a_sign_of_life_that_gets_stuck_is_followed_by_another_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (slow, store) = process(&folder, vec![job("j", vec![step("a", "hang")])], named("a/1/1", 8, false)).await;
    let (_watcher, _) = process(&folder, vec![], named("b/1/1", 8, false)).await;
    let run = slow.fire(manual("j", None)).await.unwrap().run_id;
    until("it runs", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Running).await;
    slow.faulty.stuck_beats.store(1, Ordering::SeqCst);
    until("it got stuck", async || slow.faulty.stuck_beats.load(Ordering::SeqCst) == 0).await;
    let count = async || {
        let replicas = store.list_replicas().await.unwrap();
        replicas.iter().find(|r| r.presence.owner == "a/1/1").map(|r| r.beat)
    };
    let before = count().await.unwrap();
    until("the next two came", async || count().await.is_none_or(|beat| beat >= before + 2)).await;
    assert!(count().await.is_some(), "nobody took it for dead");
    assert_eq!(store.find_run(run).await.unwrap().unwrap().status, RunStatus::Running);
}

#[tokio::test]
async fn a_command_runs_what_it_is_asked_for_itself_wherever_the_job_goes() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = Job { placement: Some(Placement::Label("gpu".into())), ..job("j", vec![step("a", "echo")]) };
    let command = Presence { role: host_model::replica::COMMAND.into(), ..named("a/1/1", 8, false) };
    let (command, store) = process(&folder, vec![elsewhere], command).await;
    let run = command.fire(manual("j", None)).await.unwrap().run_id;
    until("it runs here", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Succeeded).await;
    assert_eq!(store.find_run(run).await.unwrap().unwrap().owner, "a/1/1");
}

#[tokio::test]
async fn a_run_that_may_resumes_goes_on_where_its_process_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = step("c", "echo");
    last.op_kwargs = map(json!({"seen": "${steps.a.x}"}));
    let mut first = step("a", "echo");
    first.op_kwargs = map(json!({"x": 7}));
    let resuming = Job { on_restart: OnRestart::Resume, ..job("j", vec![first, step("b", "hang-once"), last]) };
    let (lost, store) = process(&folder, vec![resuming], named("a/1/1", 8, false)).await;
    let run = lost.fire(manual("j", None)).await.unwrap().run_id;
    let states = async || store.list_steps(run).await.unwrap().iter().map(|s| s.status.as_str()).collect::<Vec<_>>();
    until("the second step runs", async || states().await == ["SUCCEEDED", "RUNNING", "PENDING"]).await;
    // The job has another definition by now: a run keeps its own.
    let (_next, _) = process(&folder, vec![job("j", vec![step("z", "fail")])], named("b/1/1", 8, false)).await;
    vanish(lost);
    until("the run ends", async || store.find_run(run).await.unwrap().unwrap().status.is_final()).await;
    let ended = store.find_run(run).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.owner.as_str(), ended.term), (RunStatus::Succeeded, "b/1/1", 2));
    let steps = store.list_steps(run).await.unwrap();
    let told: Vec<String> = steps.iter().map(|s| format!("{}/{} {}", s.name, s.attempt, s.status.as_str())).collect();
    assert_eq!(told, ["a/1 SUCCEEDED", "b/1 FAILED", "b/2 SUCCEEDED", "c/1 SUCCEEDED"]);
    assert_eq!(steps[1].error.as_ref().unwrap().message, "lost in restart");
    assert_eq!(steps[3].output.as_ref().unwrap()["seen"], json!(7));
    assert_eq!((ended.steps_done, ended.rows_affected), (3, 6));
    let log = store.list_logs(run, 0, 1000).await.unwrap();
    assert!(
        log.iter().any(|line| line.message.starts_with("run resumed: job `j`, taken up for the 2. time")),
        "{log:?}"
    );
    assert!(log.iter().zip(0..).all(|(line, n)| line.seq == n));
}

#[tokio::test]
async fn a_step_that_may_fail_and_did_is_not_begun_again_by_whoever_resumes_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut loose = step("a", "fail");
    loose.continue_on_error = true;
    let resuming = Job { on_restart: OnRestart::Resume, ..job("j", vec![loose, step("b", "hang-once")]) };
    let (lost, store) = process(&folder, vec![resuming], named("a/1/1", 8, false)).await;
    let run = lost.fire(manual("j", None)).await.unwrap().run_id;
    let states = async || store.list_steps(run).await.unwrap().iter().map(|s| s.status.as_str()).collect::<Vec<_>>();
    until("the second step runs", async || states().await == ["FAILED", "RUNNING"]).await;
    let (_next, _) = process(&folder, Vec::new(), named("b/1/1", 8, false)).await;
    vanish(lost);
    until("the run ends", async || store.find_run(run).await.unwrap().unwrap().status.is_final()).await;
    let ended = store.find_run(run).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.owner.as_str()), (RunStatus::Succeeded, "b/1/1"));
    assert_eq!(ended.reason.as_deref(), Some("went on after `a` failed"));
    let steps = store.list_steps(run).await.unwrap();
    let told: Vec<String> = steps.iter().map(|s| format!("{}/{} {}", s.name, s.attempt, s.status.as_str())).collect();
    assert_eq!(told, ["a/1 FAILED", "b/1 FAILED", "b/2 SUCCEEDED"]);
}

#[tokio::test]
async fn a_resumed_run_keeps_its_first_start_and_its_timeout_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let steps = vec![step("a", "hang-once"), step("b", "hang")];
    let resuming = Job { on_restart: OnRestart::Resume, timeout_seconds: Some(4), ..job("j", steps) };
    let (lost, store) = process(&folder, vec![resuming], named("a/1/1", 8, false)).await;
    let run = lost.fire(manual("j", None)).await.unwrap().run_id;
    let found = async || store.find_run(run).await.unwrap().unwrap();
    until("it runs", async || found().await.status == RunStatus::Running).await;
    let first = found().await;
    let (_next, _) = process(&folder, vec![], named("b/1/1", 8, false)).await;
    vanish(lost);
    until("the run ends", async || found().await.status.is_final()).await;
    let ended = found().await;
    assert_eq!((ended.status, ended.owner.as_str(), ended.term), (RunStatus::Failed, "b/1/1", 2));
    assert_eq!((ended.started_at, ended.error.as_deref()), (first.started_at, Some("job timed out after 4 s")));
    let again = store.list_steps(run).await.unwrap().iter().find_map(|s| s.started_at.filter(|_| s.attempt == 2));
    let took = ended.finished_at.unwrap() - again.unwrap();
    assert!(took < chrono::TimeDelta::seconds(4), "{took} since it was resumed, as if nothing had gone by before");
}

#[tokio::test]
async fn what_has_to_be_done_for_others_delays_no_sign_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let (busy, store) = process(&folder, vec![], named("a/1/1", 8, false)).await;
    busy.faulty.slow_owners.store(true, Ordering::SeqCst);
    let beat = async || store.list_replicas().await.unwrap()[0].beat;
    let before = beat().await;
    until("it gives five more signs of life", async || beat().await > before + 5).await;
}

#[tokio::test]
async fn a_part_of_the_engine_that_panics_is_told_as_an_error_with_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let (broken, _) = process(&folder, vec![], named("a/1/1", 8, false)).await;
    assert_eq!((broken.scheduler_state(), broken.breakdown()), (SchedulerState::Standby, None));
    broken.faulty.broken_beats.store(1, Ordering::SeqCst);
    until("it says so", async || broken.scheduler_state() == SchedulerState::Error).await;
    assert_eq!(broken.breakdown(), Some("giving signs of life broke: nobody has thought of this"));
}

#[tokio::test]
async fn a_step_that_is_not_resumable_fails_its_run_and_what_had_not_begun_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut once = step("once", "hang");
    once.resumable = false;
    let jobs = vec![
        Job { on_restart: OnRestart::Resume, ..job("once", vec![once, step("b", "echo")]) },
        job("plain", vec![step("a", "hang")]),
        job("waiting", vec![step("a", "echo")]),
    ];
    let (lost, store) = process(&folder, jobs, named("a/1/1", 2, false)).await;
    let mut runs = Vec::new();
    for id in ["once", "plain", "waiting"] {
        runs.push(lost.fire(manual(id, None)).await.unwrap().run_id);
    }
    let run_of = async |run| store.find_run(run).await.unwrap().unwrap();
    until("two run", async || {
        run_of(runs[0]).await.status == RunStatus::Running && run_of(runs[1]).await.status == RunStatus::Running
    })
    .await;
    assert_eq!((run_of(runs[2]).await.status, run_of(runs[2]).await.owner), (RunStatus::Queued, String::new()));
    let (_next, _) = process(&folder, vec![], named("b/1/1", 8, false)).await;
    vanish(lost);
    for run in &runs {
        until("each ends", async || run_of(*run).await.status.is_final()).await;
    }
    let told = async |run| {
        let run = run_of(run).await;
        (run.status, run.reason, run.error)
    };
    let lost = Some("lost in restart".to_owned());
    let why = Some("lost in restart: step `once` is not resumable".to_owned());
    assert_eq!(told(runs[0]).await, (RunStatus::Failed, lost.clone(), why));
    assert_eq!(told(runs[1]).await, (RunStatus::Failed, lost.clone(), lost));
    let (status, reason, error) = told(runs[2]).await;
    assert_eq!((status, error), (RunStatus::Succeeded, None));
    assert_eq!(reason.as_deref(), Some("given back: process a/1/1 is gone"));
}

#[tokio::test]
async fn a_process_that_hung_and_goes_on_has_lost_its_runs_and_writes_nothing_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let resuming = Job { on_restart: OnRestart::Resume, ..job("j", vec![step("a", "hang-once")]) };
    let store = open(&folder).await;
    let hung = faults::Faulty::new(store.clone());
    let plain = parts(hung.clone(), vec![resuming, job("k", vec![step("a", "echo")])]);
    let slow = Engine::start(EngineParts { presence: named("a/1/1", 8, true), ..plain }).await.unwrap();
    let run = slow.fire(manual("j", None)).await.unwrap().run_id;
    until("it runs", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Running).await;
    let (next, _) = process(&folder, vec![], named("b/1/1", 8, true)).await;
    hung.away.store(true, Ordering::SeqCst);
    until("the other took lease and run", async || {
        let run = store.find_run(run).await.unwrap().unwrap();
        next.scheduler_state() == SchedulerState::Active && run.status == RunStatus::Succeeded
    })
    .await;
    hung.away.store(false, Ordering::SeqCst);
    tokio::time::timeout(LONG, slow.wait_idle()).await.expect("the old task ends");
    let words = slow.bus().subscribe(Some((slow.bus().boot(), 0))).missed;
    let told = |event: &Event| matches!(event, Event::Log { lines, .. } if lines.iter().any(|l| l.message.contains("given to another")));
    assert!(!words.iter().any(|(_, event)| told(event)), "the log is another's by now");
    until("it stands by", async || slow.scheduler_state() == SchedulerState::Standby).await;
    let ended = store.find_run(run).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.owner.as_str(), ended.term), (RunStatus::Succeeded, "b/1/1", 2));
    let again = slow.fire(manual("k", None)).await.unwrap().run_id;
    until("it is back", async || store.find_run(again).await.unwrap().unwrap().status == RunStatus::Succeeded).await;
}

#[tokio::test]
async fn a_process_whose_pid_is_gone_is_given_up_at_the_next_start() {
    static GONE: AtomicBool = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    let (lost, store) = process(&folder, vec![job("j", vec![step("a", "hang")])], named("a/1/1", 8, true)).await;
    let run = lost.fire(manual("j", None)).await.unwrap().run_id;
    until("it runs", async || store.find_run(run).await.unwrap().unwrap().status == RunStatus::Running).await;
    until("it has the lease", async || lost.scheduler_state() == SchedulerState::Active).await;
    vanish(lost);
    GONE.store(true, Ordering::SeqCst);
    let plain = parts(store.clone(), vec![]);
    let is_owner_alive = |owner: &str| owner != "a/1/1" || !GONE.load(Ordering::SeqCst);
    let next = EngineParts { presence: named("b/1/1", 8, true), is_owner_alive, ..plain };
    let next = Engine::start(next).await.unwrap();
    let ended = store.find_run(run).await.unwrap().unwrap();
    assert_eq!(
        (ended.status, ended.reason.as_deref()),
        (RunStatus::Failed, Some("lost in restart")),
        "before anything"
    );
    until("the lease is free too", async || next.scheduler_state() == SchedulerState::Active).await;
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_is_given_back() {
    let mut waits = job("j", vec![step("a", "echo")]);
    waits.overlap = Overlap::Queue;
    let (bench, faulty) = faults::faulty_bench(vec![waits]).await;
    faulty.lose_claims.store(1, Ordering::SeqCst);
    let run = bench.fire("j").await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
    assert!(bench.run(run).await.term > 1, "it was taken up again");
}

#[tokio::test]
async fn no_more_runs_than_a_limit_allows_are_in_flight_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let tagged = |id: &str| Job { tags: vec!["heavy".into()], ..job(id, vec![step("a", "nap")]) };
    let jobs: Vec<Job> =
        (0..6).map(|n| tagged(&format!("t{n}"))).chain([job("free", vec![step("a", "echo")])]).collect();
    let limits: Limits = [("tag:heavy".to_owned(), 2)].into();
    let plain = parts(store.clone(), jobs);
    let engine = Engine::start(EngineParts { limits, presence: named("a/1/1", 8, false), ..plain }).await.unwrap();
    let bench = Bench { engine, store, folder };
    let mut runs = Vec::new();
    for n in 0..6 {
        runs.push(bench.fire(&format!("t{n}")).await);
    }
    let free = bench.fire("free").await;
    assert_eq!(bench.finished(free).await.status, RunStatus::Succeeded);
    let mut spans = Vec::new();
    for run in runs {
        let run = bench.finished(run).await;
        assert_eq!(run.status, RunStatus::Succeeded);
        spans.push((run.started_at.unwrap(), run.finished_at.unwrap()));
    }
    let at_once = |at| spans.iter().filter(|(from, to)| *from <= at && at < *to).count();
    let most = spans.iter().map(|(from, _)| at_once(*from)).max().unwrap();
    assert_eq!(most, 2, "{spans:?}");
}
