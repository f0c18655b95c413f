//! What of a job a run needs, wherever and whenever it runs: kept with the run when it is recorded, so that a process that
//! takes it up later, or repeats it, does what was meant then and not what the file says by now.
//!
//! Its JSON form is kept for as long as the run: fields are only ever added, with a default.

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::job::{Job, OnRestart, Overrides, Step};
use crate::retry::RetryPolicy;
use crate::{JobId, JsonMap};

/// See the module's note. Templates are as written: no value of a secret is in here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// The app that owns the job.
    pub app: String,
    /// Shared parameters.
    #[serde(default)]
    pub params: JsonMap,
    /// The steps.
    pub steps: Vec<Step>,
    /// For steps without a policy of their own.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Ceiling for the whole run, in seconds.
    #[serde(default)]
    pub timeout_seconds: Option<u32>,
    /// What becomes of the run when its process is lost.
    pub on_restart: OnRestart,
    /// What the schedule that fired it sets over the job.
    #[serde(default)]
    pub schedule: Overrides,
    /// The zone of date words.
    #[serde(with = "zone_name")]
    pub zone: Tz,
}

mod zone_name {
    use chrono_tz::Tz;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(zone: &Tz, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Tz, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Definition {
    /// Takes out of `job` what its run needs.
    pub fn of(job: &Job, schedule: &Overrides, zone: Tz) -> Self {
        Self {
            app: job.app.clone(),
            params: job.params.clone(),
            steps: job.steps.clone(),
            retry: job.retry,
            timeout_seconds: job.timeout_seconds,
            on_restart: job.on_restart,
            schedule: schedule.clone(),
            zone,
        }
    }

    /// The job as its run sees it: what only schedules and fires look at is at its default.
    pub fn job(&self, id: JobId) -> Job {
        Job {
            params: self.params.clone(),
            retry: self.retry,
            timeout_seconds: self.timeout_seconds,
            on_restart: self.on_restart,
            ..Job::new(id, &self.app, self.steps.clone())
        }
    }

    /// The form that is kept.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the form that is kept.
    ///
    /// # Errors
    /// When the text is not one, for people.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::spec::{HttpAuth, HttpSpec, SqlQuerySpec};
    use crate::{StepName, StepSpec};

    fn job() -> Job {
        let name = |text| StepName::new(text).unwrap();
        let query = SqlQuerySpec { connector: "db".into(), query: "select :x".into(), params: JsonMap::new() };
        let http = HttpSpec {
            body: json!({"a": [1, null]}),
            expected_statuses: vec![204],
            auth: Some(HttpAuth::Bearer { token: "${secret.t}".into() }),
            ..HttpSpec::get("http://${params.host}/")
        };
        let mut steps = vec![
            Step::new(name("q"), StepSpec::SqlQuery(query)),
            Step::new(name("h"), StepSpec::Http(http)),
            Step::new(name("p"), StepSpec::Python { callable: "a.b:c".into() }),
            Step::new(name("x"), StepSpec::PruneRuns),
        ];
        steps[2].retry = Some(RetryPolicy { attempts: 3, ..RetryPolicy::default() });
        steps[2].resumable = false;
        steps[2].continue_on_error = true;
        let params = json!({"k": 1.5}).as_object().cloned().unwrap();
        Job {
            params,
            timeout_seconds: Some(7),
            on_restart: OnRestart::Resume,
            ..Job::new(JobId::new("j").unwrap(), "app", steps)
        }
    }

    #[test]
    fn a_definition_is_read_back_as_it_was_and_gives_the_same_job_to_its_run() {
        let job = job();
        let schedule =
            Overrides { step_enabled: [(StepName::new("h").unwrap(), false)].into(), ..Overrides::default() };
        let definition = Definition::of(&job, &schedule, Tz::Europe__Paris);
        let back = Definition::parse(&definition.to_json()).unwrap();
        assert_eq!(back, definition);
        assert_eq!(back.job(job.id.clone()), job);
        assert_eq!(definition.to_json(), back.to_json(), "the same text for the same definition");
    }

    #[test]
    fn fields_that_are_not_there_yet_have_a_default() {
        let text = r#"{"app":"a","steps":[],"on_restart":"fail","zone":"UTC"}"#;
        assert_eq!(Definition::parse(text).unwrap().retry, RetryPolicy::default());
        assert!(Definition::parse(r#"{"app":"a","steps":[],"on_restart":"never","zone":"UTC"}"#).is_err());
    }
}
