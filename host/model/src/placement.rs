//! Where a run goes (product §6): into the process that fires it, to any process of the store, or to one with a label.
//! And what it needs there beyond a free place: the shared things of which only so much may be used at once.

use std::collections::BTreeMap;
use std::fmt;

use crate::job::{Job, StepSpec};

/// Where the runs of a job, of a schedule or of one trigger go. Without a word of theirs, a run that somebody asks for goes
/// [`Here`](Placement::Here) (seeds, administration), one that a schedule fires to [`Any`](Placement::Any).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// Into the process that fires it.
    Here,
    /// To any process with room.
    Any,
    /// To any process with room that has this label.
    Label(String),
}

/// What is allowed in files and API, for messages.
pub const PLACEMENTS: &str = "`here`, `any` or `label:<name>`";

impl Placement {
    /// Reads `here`, `any` or `label:<name>`; a name has letters, digits, `-`, `_` and `.`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "here" => Some(Self::Here),
            "any" => Some(Self::Any),
            _ => text.strip_prefix("label:").filter(|name| is_label(name)).map(|name| Self::Label(name.to_owned())),
        }
    }

    /// The text kept with a run: as in files, but `here` names the process it means: `here:<owner>`.
    pub fn of_run(&self, owner: &str) -> String {
        match self {
            Self::Here => format!("here:{owner}"),
            other => other.to_string(),
        }
    }

    /// Every text of [`Placement::of_run`] that process `owner` may take up.
    pub fn accepted(owner: &str, labels: &[String]) -> Vec<String> {
        let by_label = labels.iter().map(|label| Self::Label(label.clone()).to_string());
        [Self::Here.of_run(owner), Self::Any.to_string()].into_iter().chain(by_label).collect()
    }
}

/// Whether `text` can be a label.
pub fn is_label(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=64).contains(&text.len()) && text.chars().all(is_allowed)
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("here"),
            Self::Any => f.write_str("any"),
            Self::Label(name) => write!(f, "label:{name}"),
        }
    }
}

/// How many runs may use a thing at once, over all processes of the store: `connector:<name>` or `tag:<name>`.
pub type Limits = BTreeMap<String, u32>;

/// The key of a connector in [`Limits`].
pub fn connector_key(name: &str) -> String {
    format!("connector:{name}")
}

/// The key of a tag in [`Limits`].
pub fn tag_key(name: &str) -> String {
    format!("tag:{name}")
}

/// Which of `limits` a run of `job` counts against: its tags, and the connectors its steps name. What a callable opens by
/// itself is not known here.
pub fn limited_by(job: &Job, limits: &Limits) -> Vec<String> {
    let of_step = |spec: &StepSpec| match spec {
        StepSpec::SqlQuery(query) => vec![query.connector.clone()],
        StepSpec::SqlCopy(copy) => vec![copy.source.connector.clone(), copy.target.connector.clone()],
        StepSpec::LdapSync(sync) => vec![sync.target_connector.clone(), sync.directory.clone()],
        StepSpec::Python { .. }
        | StepSpec::Wasm { .. }
        | StepSpec::Http(_)
        | StepSpec::CallJob { .. }
        | StepSpec::PruneRuns => Vec::new(),
    };
    let connectors = job.steps.iter().flat_map(|step| of_step(&step.spec)).map(|name| connector_key(&name));
    let mut keys: Vec<String> = job.tags.iter().map(|tag| tag_key(tag)).chain(connectors).collect();
    keys.retain(|key| limits.contains_key(key));
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::spec::SqlQuerySpec;
    use crate::{JobId, JsonMap, Step, StepName};

    #[test]
    fn a_placement_is_read_as_it_is_written() {
        for text in ["here", "any", "label:gpu-1"] {
            assert_eq!(Placement::parse(text).map(|p| p.to_string()).as_deref(), Some(text));
        }
        for text in ["", "Here", "label:", "label:a b", "gpu", "here:x"] {
            assert_eq!(Placement::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_process_accepts_what_is_for_it_for_any_and_for_its_labels() {
        let accepted = Placement::accepted("m/1/2", &["big".to_owned()]);
        assert_eq!(accepted, ["here:m/1/2", "any", "label:big"]);
        assert!(!accepted.contains(&Placement::Here.of_run("m/1/3")));
    }

    #[test]
    fn a_run_counts_against_the_limits_of_its_tags_and_of_the_connectors_its_steps_name() {
        let query = SqlQuerySpec { connector: "jde".into(), query: "select 1".into(), params: JsonMap::new() };
        let step = Step::new(StepName::new("a").unwrap(), StepSpec::SqlQuery(query));
        let job = Job { tags: vec!["etl".into()], ..Job::new(JobId::new("j").unwrap(), "a", vec![step.clone(), step]) };
        let limits: Limits = [("connector:jde".into(), 2), ("tag:etl".into(), 1), ("tag:other".into(), 1)].into();
        assert_eq!(limited_by(&job, &limits), ["connector:jde", "tag:etl"]);
        assert_eq!(limited_by(&job, &Limits::new()), [""; 0]);
    }
}
