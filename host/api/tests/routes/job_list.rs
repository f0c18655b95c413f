//! The list of jobs tells what the tables say: every change that can happen to a run shows in the answer after it, whoever
//! made it. What is compared with is the document of each job, which is read anew each time.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use host_model::fire::{NewRun, Recorded};
use host_model::job::Overlap;
use host_model::log::LogLevel;
use host_model::port::{PrunePass, Store};
use host_model::run::RunFilter;
use host_model::transition::{Applied, AttemptKey, RunChange, StepChange};
use host_model::version::Renamed;
use host_model::{Instant, JobId, Json, JsonMap, Owner, RunId, RunStatus, StepName};
use serde_json::{Value, json};

use crate::support::{House, house, server};

const THEM: &str = "elsewhere/1/1";
const JOBS: [&str; 3] = ["chatty", "quick", "slow"];

/// Seconds after a fixed moment.
fn at(seconds: u32) -> Instant {
    Instant::from_timestamp_millis(1_795_000_000_000).unwrap() + TimeDelta::seconds(seconds.into())
}

/// Another process on the store of a house.
struct Others {
    roles: host_store::Roles,
    next: AtomicU32,
}

impl Others {
    async fn of(house: &House) -> Self {
        let roles = house.roles().await;
        // The house leaves its runs alone: it is known, and a house is patient.
        roles.store.beat(&server(THEM), house.engine.now()).await.unwrap();
        Self { roles, next: AtomicU32::new(0) }
    }

    fn store(&self) -> &dyn Store {
        &*self.roles.store
    }

    fn second(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A run with one step, later than every one before.
    fn new_run(&self, job: &str, overlap: Overlap) -> NewRun {
        let second = self.second();
        NewRun {
            id: RunId::from_parts(at(second).timestamp_millis().try_into().unwrap(), second),
            job_id: JobId::new(job).unwrap(),
            overlap,
            depends_on: Vec::new(),
            triggered_by: "cron".to_owned(),
            slot: None,
            replay: None,
            as_of: None,
            queued_at: at(second),
            owner: THEM.to_owned(),
            placement: format!("here:{THEM}"),
            limits: Vec::new(),
            definition: "{}".into(),
            lease: None,
            log_level: LogLevel::Info,
            params: JsonMap::new(),
            overrides: JsonMap::new(),
            steps: vec![(StepName::new("a").unwrap(), "python")],
        }
    }

    async fn record(&self, new: &NewRun) -> Recorded {
        self.store().record_fire(new).await.unwrap()
    }

    async fn change(&self, change: RunChange) {
        assert_eq!(self.store().apply(&[change.into()]).await.unwrap(), Applied::Yes);
    }

    async fn queued(&self, job: &str) -> RunId {
        let new = self.new_run(job, Overlap::Skip);
        assert_eq!(self.record(&new).await, Recorded::Queued);
        new.id
    }

    async fn succeeded(&self, job: &str) -> RunId {
        let id = self.queued(job).await;
        self.change(RunChange::start(id, THEM, at(self.second()))).await;
        self.change(RunChange::succeed(id, THEM, at(self.second()))).await;
        id
    }

    async fn prune(&self, before: Instant) {
        while self.store().prune(PrunePass::Runs, before, 1).await.unwrap().run_rows > 0 {}
    }
}

/// The cards of a list with `counts` recent runs, the last of several lists. What each list says of a job must be what the
/// job's document says.
async fn cards(house: &House, counts: &[usize]) -> Vec<Value> {
    let mut details = Vec::new();
    for job in JOBS {
        details.push(house.ask("GET", &format!("/admin/jobs/{job}"), "").await.json());
    }
    let mut cards = Vec::new();
    for &recent in counts {
        let list = house.ask("GET", &format!("/admin/jobs?recent={recent}"), "").await.json();
        cards.clone_from(list["jobs"].as_array().unwrap());
        assert_eq!(cards.len(), JOBS.len());
        for (card, detail) in cards.iter().zip(&details) {
            for what in ["id", "last_run", "active_run_id", "warnings"] {
                assert_eq!(card[what], detail[what], "{what} with {recent} runs");
            }
            let all = detail["recent"].as_array().unwrap();
            assert_eq!(
                card["recent"].as_array().unwrap(),
                &all[all.len().saturating_sub(recent)..],
                "of {recent} runs"
            );
        }
    }
    cards
}

/// The card of `job`, after lists that ask for more and less, so that some are made of what was kept for another.
async fn card(house: &House, job: &str) -> Value {
    let cards = cards(house, &[3, 0, 3, 0, 20, 20]).await;
    cards.into_iter().find(|card| card["id"] == job).unwrap()
}

/// Its last run with its status, and its recent ones, oldest first.
async fn told(house: &House, job: &str) -> (Value, Vec<String>) {
    let card = card(house, job).await;
    let recent = card["recent"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    (json!([card["last_run"]["id"], card["last_run"]["status"]]), recent)
}

fn last(id: RunId, status: &str) -> Value {
    json!([id.to_string(), status])
}

fn texts(ids: &[RunId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn each_change_of_a_run_by_another_process_shows_in_the_next_list() {
    let house = house().await;
    let others = Others::of(&house).await;
    assert_eq!(told(&house, "quick").await, (json!([null, null]), vec![]));
    let first = others.queued("quick").await;
    assert_eq!(told(&house, "quick").await, (last(first, "QUEUED"), texts(&[first])));
    others.change(RunChange::start(first, THEM, at(others.second()))).await;
    assert_eq!(told(&house, "quick").await, (last(first, "RUNNING"), texts(&[first])));
    // A step that is done changes the run's figures, but not its state.
    let step = || AttemptKey { run_id: first, index: 0, attempt: 1, owner: Owner::from(THEM) };
    let begun = StepChange::start(step(), at(others.second()), Json::Null);
    let done = StepChange::succeed(step(), at(others.second()), JsonMap::new(), Some(7), None);
    assert_eq!(others.store().apply(&[begun.into(), done.into()]).await.unwrap(), Applied::Yes);
    let figures = card(&house, "quick").await["last_run"].clone();
    assert_eq!((&figures["rows_affected"], &figures["steps_done"]), (&json!(7), &json!(1)));
    // Given back, taken up by nobody yet: it is queued again.
    let back = RunChange::give_back(first, THEM, at(others.second()), "label:none", "lost".to_owned());
    others.change(back).await;
    assert_eq!(told(&house, "quick").await, (last(first, "QUEUED"), texts(&[first])));
    let nobody = Owner { name: "", term: 1 };
    others.change(RunChange::cancel(first, nobody, at(others.second()), "enough".to_owned())).await;
    assert_eq!(told(&house, "quick").await, (last(first, "CANCELED"), texts(&[first])));

    let second = others.queued("quick").await;
    // A fire that is skipped is no news, neither while the run goes on nor afterwards.
    let skipped = others.new_run("quick", Overlap::Skip);
    assert!(matches!(others.record(&skipped).await, Recorded::Skipped { .. }));
    assert_eq!(told(&house, "quick").await, (last(second, "QUEUED"), texts(&[first, second])));
    others.change(RunChange::abandon(second, THEM, at(others.second()))).await;
    assert_eq!(told(&house, "quick").await, (last(second, "FAILED"), texts(&[first, second])));
    // One of a process whose clock is behind comes in before the last.
    let late = others.new_run("quick", Overlap::Skip);
    let third = others.succeeded("quick").await;
    assert_eq!(told(&house, "quick").await, (last(third, "SUCCEEDED"), texts(&[first, second, third])));
    assert_eq!(others.record(&late).await, Recorded::Queued);
    assert_eq!(told(&house, "quick").await, (last(third, "SUCCEEDED"), texts(&[first, second, late.id, third])));
    others.change(RunChange::cancel(late.id, THEM, at(others.second()), "late".to_owned())).await;
    assert_eq!(told(&house, "quick").await, (last(third, "SUCCEEDED"), texts(&[first, second, late.id, third])));

    // All that ended before the last one go, and then the last one, which leaves a skipped fire.
    let ended = others.store().find_run(late.id).await.unwrap().unwrap().finished_at.unwrap();
    others.prune(at(skipped.queued_at.signed_duration_since(at(0)).num_seconds().try_into().unwrap())).await;
    assert_eq!(told(&house, "quick").await, (last(third, "SUCCEEDED"), texts(&[second, late.id, third])));
    let later = others.new_run("quick", Overlap::Skip);
    others.record(&later).await;
    let again = others.new_run("quick", Overlap::Skip);
    assert!(matches!(others.record(&again).await, Recorded::Skipped { .. }));
    others.prune(ended + TimeDelta::seconds(1)).await;
    assert_eq!(told(&house, "quick").await, (last(later.id, "QUEUED"), texts(&[later.id])));
}

#[tokio::test]
async fn a_run_that_changes_its_job_or_goes_altogether_is_not_shown_from_memory() {
    let house = house().await;
    let others = Others::of(&house).await;
    let run = others.succeeded("quick").await;
    assert_eq!(told(&house, "quick").await, (last(run, "SUCCEEDED"), texts(&[run])));
    let rename = async |from: &str, to: &str| {
        let (from, to) = (JobId::new(from).unwrap(), JobId::new(to).unwrap());
        assert_eq!(others.roles.versions.rename_job(&from, &to, false).await.unwrap(), Renamed::Done);
    };
    rename("quick", "slow").await;
    assert_eq!(told(&house, "quick").await, (json!([null, null]), vec![]));
    assert_eq!(told(&house, "slow").await, (last(run, "SUCCEEDED"), texts(&[run])));
    assert_eq!(card(&house, "slow").await["last_run"]["job_id"], "slow");
    rename("slow", "quick").await;
    assert_eq!(card(&house, "quick").await["last_run"]["job_id"], "quick");
    assert_eq!(told(&house, "slow").await, (json!([null, null]), vec![]));
    others.prune(at(1_000)).await;
    assert_eq!(told(&house, "quick").await, (json!([null, null]), vec![]));
    // What the house itself runs shows as well.
    let run = house.fire("quick").await;
    house.idle().await;
    assert_eq!(told(&house, "quick").await, (last(run, "SUCCEEDED"), texts(&[run])));
}

/// The next of a sequence that looks random and is the same each time.
fn dice(state: &mut u64, sides: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % sides
}

#[tokio::test]
async fn any_mixture_of_changes_shows_in_the_next_list() {
    let house = house().await;
    let others = Others::of(&house).await;
    let (mut state, mut late) = (7, Vec::new());
    for _ in 0..120 {
        let job = JOBS[dice(&mut state, 3) as usize];
        let runs = RunFilter { jobs: vec![JobId::new(job).unwrap()], limit: 100, ..RunFilter::default() };
        let runs = others.store().list_runs(&runs).await.unwrap();
        match dice(&mut state, 8) {
            0..=2 => drop(others.record(&others.new_run(job, Overlap::Skip)).await),
            3 => late.push(others.new_run(job, Overlap::Allow)),
            4 if !late.is_empty() => drop(others.record(&late.remove(0)).await),
            5 if !runs.is_empty() => {
                let run = &runs[dice(&mut state, runs.len() as u64) as usize];
                // Long enough ago that other runs stay.
                others.prune(run.queued_at).await;
            }
            _ => {
                let Some(run) = runs.iter().find(|run| !run.status.is_final()) else { continue };
                let now = at(others.second());
                others
                    .change(match (run.status, dice(&mut state, 3)) {
                        (RunStatus::Queued, 0 | 1) => RunChange::start(run.id, THEM, now),
                        (RunStatus::Queued, _) => RunChange::cancel(run.id, THEM, now, "enough".to_owned()),
                        (_, 0) => RunChange::fail(run.id, THEM, now, "broken".to_owned()),
                        _ => RunChange::succeed(run.id, THEM, now),
                    })
                    .await;
            }
        }
        cards(&house, &[0, 3]).await;
    }
}

#[tokio::test]
async fn what_was_kept_for_one_caller_is_not_shown_to_another() {
    let house = house().await;
    let run = house.fire("quick").await;
    house.idle().await;
    assert_eq!(told(&house, "quick").await.1, texts(&[run]));
    let mut token = None;
    for (path, body) in [
        ("/admin/users", json!({ "name": "ann", "permissions": ["job:slow", "settings:jobs"] })),
        ("/admin/tokens", json!({ "name": "t", "user": "ann" })),
    ] {
        let made = house.ask("POST", path, &body.to_string()).await;
        assert_eq!(made.status, 201, "{}", made.body);
        token = made.json()["secret"].as_str().map(str::to_owned);
    }
    let list = house.ask_as(&token.unwrap(), "GET", "/admin/jobs?recent=3", "").await;
    let card = list.json()["jobs"].as_array().unwrap().iter().find(|card| card["id"] == "quick").unwrap().clone();
    assert_eq!((&card["last_run"], &card["recent"]), (&Value::Null, &json!([])));
    assert!(!list.body.contains(&run.to_string()));
    assert_eq!(told(&house, "quick").await.1, texts(&[run]));
}
