//! Who shares the store, who of them may fire schedules, and what is wrong with that, as health and `scheduler status`
//! show it. Pure: made of what the store says.

use std::collections::BTreeMap;

use host_model::replica::{Lease, Replica};
use host_model::run::RunStatus;
use host_model::{Placement, Run};
use serde::Serialize;
use utoipa::ToSchema;

use super::instant;
use super::remark::{Remark, RemarkView};

/// See the module's note.
#[derive(Debug, Serialize, Default, ToSchema)]
pub(crate) struct Standing {
    lease: Option<LeaseView>,
    replicas: Vec<ReplicaView>,
    /// What somebody has to look at.
    pub(crate) problems: Vec<String>,
    /// What is as it should be, and worth knowing.
    notes: Vec<String>,
    /// Each of both, with what a client needs to say it in another language.
    remarks: Vec<RemarkView>,
}

#[derive(Debug, Serialize, ToSchema)]
struct LeaseView {
    holder: String,
    term: u64,
    /// By the holder's clock.
    #[schema(format = DateTime)]
    seen_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct ReplicaView {
    owner: String,
    role: String,
    labels: Vec<String>,
    url: Option<String>,
    version: String,
    scheduler_enabled: bool,
    /// Runs it takes at once.
    room: u32,
    /// Runs it has begun.
    running: usize,
    #[schema(format = DateTime)]
    started_at: String,
    /// By its own clock.
    #[schema(format = DateTime)]
    seen_at: String,
    /// Whether it may fire schedules.
    lease: bool,
}

impl Standing {
    /// `active` are the runs that are not final.
    pub(crate) fn new(replicas: &[Replica], lease: Option<&Lease>, active: &[Run]) -> Self {
        let lease = lease.filter(|lease| !lease.holder.is_empty());
        let running =
            |owner: &str| active.iter().filter(|run| run.status == RunStatus::Running && run.owner == owner).count();
        let views = replicas.iter().map(|Replica { presence, seen_at, .. }| ReplicaView {
            owner: presence.owner.clone(),
            role: presence.role.clone(),
            labels: presence.labels.clone(),
            url: presence.url.clone(),
            version: presence.version.clone(),
            scheduler_enabled: presence.scheduler_enabled,
            room: presence.room,
            running: running(&presence.owner),
            started_at: instant(presence.started_at),
            seen_at: instant(*seen_at),
            lease: lease.is_some_and(|lease| lease.holder == presence.owner),
        });
        let mut standing = Self {
            lease: lease.map(|lease| LeaseView {
                holder: lease.holder.clone(),
                term: lease.term,
                seen_at: instant(lease.seen_at),
            }),
            replicas: views.collect(),
            ..Self::default()
        };
        standing.judge_lease();
        standing.judge_waiting(active);
        standing
    }

    /// Says this, too.
    pub(crate) fn tell(&mut self, remark: Remark) {
        let told = if remark.is_problem() { &mut self.problems } else { &mut self.notes };
        told.push(remark.text());
        self.remarks.push(remark.into());
    }

    fn judge_lease(&mut self) {
        let asking: Vec<&str> =
            self.replicas.iter().filter(|r| r.scheduler_enabled).map(|r| r.owner.as_str()).collect();
        let has_holder = self.replicas.iter().any(|replica| replica.lease);
        let remark = match (&self.lease, asking.as_slice()) {
            (_, []) => Remark::SchedulerUnasked,
            (None, [one, ..]) => Remark::LeaseUnheld { process: (*one).to_owned(), asking: asking.len() },
            (Some(lease), _) if !has_holder => Remark::LeaseHolderSilent { holder: lease.holder.clone() },
            (Some(lease), [_, _, ..]) => Remark::SchedulerShared { holder: lease.holder.clone(), asking: asking.len() },
            (Some(_), [_]) => return,
        };
        self.tell(remark);
    }

    /// Runs that nobody there is may take up.
    fn judge_waiting(&mut self, active: &[Run]) {
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        for run in active.iter().filter(|run| run.owner.is_empty()) {
            *waiting.entry(&run.placement).or_default() += 1;
        }
        for (placement, waiting) in waiting {
            let Some(Placement::Label(label)) = Placement::parse(placement) else { continue };
            if !self.replicas.iter().any(|replica| replica.labels.contains(&label)) {
                self.tell(Remark::LabelMissing { label, waiting });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use host_model::replica::Presence;
    use host_model::{Instant, JobId, JsonMap, RunId};

    use super::*;

    fn replica(owner: &str, scheduler_enabled: bool, labels: &[&str]) -> Replica {
        let presence = Presence {
            owner: owner.to_owned(),
            role: "server".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            url: None,
            version: "1".to_owned(),
            scheduler_enabled,
            room: 4,
            started_at: Instant::default(),
        };
        Replica { presence, beat: 1, seen_at: Instant::default() }
    }

    fn lease(holder: &str) -> Lease {
        Lease { holder: holder.to_owned(), term: 3, beat: 1, seen_at: Instant::default() }
    }

    fn run(owner: &str, status: RunStatus, placement: &str) -> Run {
        Run {
            id: RunId::from_parts(1, 1),
            job_id: JobId::new("j").unwrap(),
            status,
            reason: None,
            error: None,
            triggered_by: "api".to_owned(),
            schedule: None,
            scheduled_at: None,
            replay_of: None,
            replay_from: None,
            queued_at: Instant::default(),
            started_at: None,
            finished_at: None,
            rows_affected: 0,
            step_count: 1,
            steps_done: 0,
            log_level: host_model::log::LogLevel::Info,
            params: JsonMap::new(),
            overrides: JsonMap::new(),
            owner: owner.to_owned(),
            term: 1,
            placement: placement.to_owned(),
            cancel_requested_by: None,
            cancel_requested_at: None,
        }
    }

    #[test]
    fn a_lease_that_somebody_asks_for_and_nobody_holds_is_a_problem() {
        let asks = [replica("a", true, &[]), replica("b", false, &[])];
        for (lease, part) in [
            (None, "nobody holds the scheduler's lease, although a asks for it"),
            (Some(lease("")), "nobody holds the scheduler's lease, although a asks for it"),
            (Some(lease("gone")), "the scheduler's lease is with gone, which gives no sign of life"),
        ] {
            assert_eq!(Standing::new(&asks, lease.as_ref(), &[]).problems, [part]);
        }
        let held = Standing::new(&asks, Some(&lease("a")), &[]);
        assert!(held.problems.is_empty() && held.notes.is_empty(), "{held:?}");
        assert_eq!(held.replicas.iter().map(|r| r.lease).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn two_that_ask_are_a_note_and_nobody_who_asks_too() {
        let both = [replica("a", true, &[]), replica("b", true, &[])];
        let held = Standing::new(&both, Some(&lease("b")), &[]);
        assert_eq!(
            (held.problems.len(), held.notes),
            (0, vec!["2 processes ask for the scheduler; b has it".to_owned()])
        );
        let none = Standing::new(&both, None, &[]);
        assert_eq!(none.problems, ["nobody holds the scheduler's lease, although a and 1 more ask for it"]);
        let off = Standing::new(&[replica("a", false, &[])], Some(&lease("gone")), &[]);
        assert_eq!((off.problems.len(), off.notes.len()), (0, 1), "{off:?}");
    }

    #[test]
    fn a_run_that_waits_for_a_label_nobody_has_is_a_problem() {
        let replicas = [replica("a", false, &["big"])];
        let active = [
            run("a", RunStatus::Running, "here:a"),
            run("a", RunStatus::Queued, "any"),
            run("", RunStatus::Queued, "label:big"),
            run("", RunStatus::Queued, "any"),
            run("", RunStatus::Queued, "label:gpu"),
        ];
        let standing = Standing::new(&replicas, None, &active);
        assert_eq!(standing.problems, ["1 run waits for a process with the label `gpu`, and there is none"]);
        assert_eq!(standing.replicas[0].running, 1);
        let told = serde_json::to_value(&standing.remarks).unwrap();
        let text = &standing.problems[0];
        let waits = serde_json::json!({ "code": "label-missing", "label": "gpu", "waiting": 1, "text": text });
        assert_eq!((told[0]["code"].as_str(), &told[1]), (Some("scheduler-unasked"), &waits));
    }
}
