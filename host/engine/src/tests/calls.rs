//! Jobs that call jobs.

use super::*;
use host_model::run::{RunFilter, RunStatus, StepStatus};

fn call(step: &str, job: &str, params: Json) -> Step {
    let spec = StepSpec::CallJob { job: JobId::new(job).unwrap(), params: map(params) };
    Step { timeout_seconds: 60, ..Step::new(name(step), spec) }
}

impl Bench {
    /// The runs of a job, oldest first.
    async fn runs_of(&self, job: &str) -> Vec<Run> {
        let filter = RunFilter { jobs: vec![JobId::new(job).unwrap()], limit: 100, ..RunFilter::default() };
        let mut runs = self.store.list_runs(&filter).await.unwrap();
        runs.reverse();
        runs
    }

    async fn only_run_of(&self, job: &str) -> Run {
        let runs = self.runs_of(job).await;
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }
}

#[tokio::test]
async fn a_called_job_runs_with_its_values_and_gives_its_output_back() {
    let mut child = job("child", vec![step("first", "echo"), step("last", "echo")]);
    child.params = map(json!({"a": 1, "b": 1, "c": 1, "day": "${today}"}));
    let mut after = step("after", "echo");
    after.op_kwargs = map(json!({"got": "${steps.call.output.b}"}));
    let parent = job("parent", vec![call("call", "child", json!({"b": "${params.x}"})), after]);
    let bench = bench(vec![Job { params: map(json!({"x": 7, "a": 5})), ..parent }, child]).await;
    let overrides =
        Overrides { params: map(json!({"c": 3, "b": 3})), log_level: Some(LogLevel::Debug), ..Overrides::default() };
    let run = bench.fire_with("parent", overrides).await;
    let done = bench.finished(run).await;
    assert_eq!((done.status, done.rows_affected), (RunStatus::Succeeded, 6), "{:?}", done.error);
    let child = bench.only_run_of("child").await;
    assert_eq!((child.triggered_by, child.log_level), (format!("job:{run}"), LogLevel::Debug));
    // The job's own value, the step's, and what was set for this fire.
    let params = Json::from(child.params)["params"].clone();
    assert_eq!((&params["a"], &params["b"], &params["c"]), (&json!(1), &json!(7), &json!(3)));
    assert_eq!(child.scheduled_at, Some(done.queued_at), "dates are counted from the caller's instant");
    let steps = bench.steps(run).await;
    let output = steps[0].output.clone().unwrap();
    assert_eq!((&output["run_id"], &output["status"]), (&json!(child.id.to_string()), &json!("SUCCEEDED")));
    assert_eq!((&output["job"], &output["rows_affected"]), (&json!("child"), &json!(4)));
    assert_eq!(steps[1].output.clone().unwrap()["got"], 7);
}

#[tokio::test]
async fn a_called_run_that_fails_fails_the_step_and_a_retry_calls_anew() {
    let mut again = call("call", "child", json!({}));
    again.retry = Some(RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 });
    let bench = bench(vec![job("parent", vec![again]), job("child", vec![step("a", "fail")])]).await;
    let run = bench.fire("parent").await;
    let done = bench.finished(run).await;
    let runs = bench.runs_of("child").await;
    assert_eq!((done.status, runs.len()), (RunStatus::Failed, 2));
    let expected = format!("run {} of job `child` failed: step `a`: no route to host", runs[1].id);
    assert_eq!(done.error, Some(format!("step `call`: {expected}")));
}

#[tokio::test]
async fn a_cancel_reaches_the_called_run_and_comes_back_from_it() {
    let jobs = vec![job("parent", vec![call("call", "child", json!({}))]), job("child", vec![step("a", "hang")])];
    let bench = bench(jobs).await;
    for parent_first in [true, false] {
        let run = bench.fire("parent").await;
        bench.heard(run, "of job `child` begins").await;
        let child = bench.runs_of("child").await.last().unwrap().id;
        bench.heard(child, "hanging").await;
        let first = if parent_first { run } else { child };
        bench.engine.cancel(first, "user:alice").await.unwrap();
        let (run, child) = (bench.finished(run).await, bench.finished(child).await);
        assert_eq!((run.status, child.status), (RunStatus::Canceled, RunStatus::Canceled));
        if parent_first {
            assert_eq!(child.reason, Some(format!("canceled by job:{}", run.id)));
        } else {
            let reason = format!("run {} of job `child` was canceled: canceled by user:alice", child.id);
            assert_eq!(run.reason, Some(reason));
        }
    }
}

#[tokio::test]
async fn callers_never_keep_the_runs_they_wait_for_from_a_place() {
    let jobs = vec![
        job("top", vec![call("a", "middle", json!({})), step("b", "echo")]),
        job("middle", vec![call("a", "bottom", json!({})), step("b", "echo")]),
        job("bottom", vec![step("a", "nap")]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let engine = Engine::start(EngineParts { presence: presence(1, false), ..parts(store.clone(), jobs) }).await;
    let bench = Bench { engine: engine.unwrap(), store, folder };
    let run = bench.fire("top").await;
    assert_eq!(bench.finished(run).await.status, RunStatus::Succeeded);
    for job in ["middle", "bottom"] {
        assert_eq!(bench.only_run_of(job).await.status, RunStatus::Succeeded);
    }
}

#[tokio::test]
async fn a_circle_that_no_check_has_seen_is_refused_before_it_closes() {
    let jobs = vec![
        job("a", vec![call("to-b", "b", json!({}))]),
        job("b", vec![call("to-a", "a", json!({}))]),
        job("lost", vec![call("x", "nowhere", json!({}))]),
    ];
    let bench = bench(jobs).await;
    let run = bench.fire("a").await;
    let done = bench.finished(run).await;
    let error = done.error.unwrap();
    assert!(error.ends_with("`call_job` calls itself in a circle: a → b → a"), "{error}");
    assert_eq!((bench.runs_of("a").await.len(), bench.runs_of("b").await.len()), (1, 1));
    let run = bench.fire("lost").await;
    let error = bench.finished(run).await.error.unwrap();
    assert_eq!(error, "step `x`: there is no job `nowhere`");
}

#[tokio::test]
async fn a_job_that_runs_already_is_not_called_a_second_time() {
    let jobs = vec![job("parent", vec![call("call", "child", json!({}))]), job("child", vec![step("a", "hang")])];
    let bench = bench(jobs).await;
    let child = bench.fire("child").await;
    bench.heard(child, "hanging").await;
    let run = bench.fire("parent").await;
    let waiting = async {
        loop {
            let found = bench.run(run).await;
            if found.status.is_final() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
    assert_eq!(done.error, Some(format!("step `call`: job `child` is already running as run {child}")));
    bench.engine.cancel(child, "user:alice").await.unwrap();
    bench.finished(child).await;
}

#[tokio::test]
async fn the_limit_that_a_caller_holds_is_not_waited_for() {
    let tagged = |job: Job| Job { tags: vec!["one".into()], ..job };
    let jobs = vec![
        tagged(job("parent", vec![call("call", "child", json!({}))])),
        tagged(job("child", vec![step("a", "echo")])),
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let limits: Limits = [("tag:one".to_owned(), 1)].into();
    let engine = Engine::start(EngineParts { limits, ..parts(store.clone(), jobs) }).await.unwrap();
    let bench = Bench { engine, store, folder };
    let run = bench.fire("parent").await;
    let error = bench.finished(run).await.error.unwrap();
    assert!(error.contains("job `child` would wait for the limit `tag:one`"), "{error}");
}

#[tokio::test]
async fn a_secret_is_not_handed_to_another_run() {
    let jobs = vec![
        job("parent", vec![call("call", "child", json!({"pw": "${secret.pw}"}))]),
        job("child", vec![step("a", "echo")]),
    ];
    let bench = bench(jobs).await;
    let run = bench.fire("parent").await;
    let done = bench.finished(run).await;
    assert!(done.error.as_deref().unwrap().contains("`params` holds a secret"), "{done:?}");
    assert!(bench.runs_of("child").await.is_empty());
    assert_eq!(bench.steps(run).await[0].status, StepStatus::Failed);
}

#[tokio::test]
async fn a_server_that_asks_for_time_puts_the_next_attempt_off() {
    let mut busy = step("busy", "busy");
    busy.retry = Some(RetryPolicy { attempts: 2, backoff: Backoff::Fixed, base_seconds: 0 });
    let bench = bench(vec![job("j", vec![busy])]).await;
    let run = bench.fire("j").await;
    bench.heard(run, "attempt 2 of 2 in 3600 s").await;
    let steps = bench.steps(run).await;
    assert_eq!((steps.len(), steps[1].status), (2, StepStatus::Pending));
    let wait = steps[1].retry_at.unwrap() - steps[0].finished_at.unwrap();
    assert_eq!(wait.num_seconds(), 3600);
    bench.engine.cancel(run, "user:alice").await.unwrap();
    assert_eq!(bench.finished(run).await.status, RunStatus::Canceled);
}
