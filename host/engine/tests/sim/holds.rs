//! What holds schedules back: how a history does it, and how the tables in memory keep it.

use async_trait::async_trait;
use chrono::TimeDelta;
use host_model::Instant;
use host_model::fire::Slot;
use host_model::hold::{HoldStore, Holds, LOOK_BACK, Maintenance, skip_once};
use host_model::port::StoreError;

use crate::fires::is_ahead;
use crate::handle::{Process, lock};
use crate::plan::{Blow, jobs_of};
use crate::tables::Tables;
use crate::world::World;

/// A skip is taken back until so many milliseconds before the slot is due.
const LATEST_UNDO: i64 = 300;

impl World {
    pub(crate) fn maintain(&self, blow: &Blow) {
        let (now, at) = (self.now(), self.wall_now());
        let mut tables = lock(&self.record.shop.tables);
        if let Blow::Maintain { after, millis } = blow {
            let from = at + TimeDelta::milliseconds(*after as i64);
            let until = from + TimeDelta::milliseconds(*millis as i64);
            let (id, by) = (format!("{now:09}"), "user:sim".to_owned());
            tables.add_maintenance(&Maintenance { id, from, until, reason: String::new(), by, at });
        } else if let Some(id) = tables.windows.keys().next_back().cloned() {
            tables.end_maintenance(&id, at);
        }
        lock(&self.record.windows).push((now, tables.windows.values().cloned().collect()));
    }

    /// As the API does it: only a slot that is due after now, of a schedule that is on, and not when it is due too soon.
    pub(crate) fn skip(&self, blow: &Blow) {
        let (now, at) = (self.now(), self.wall_now());
        let mut tables = lock(&self.record.shop.tables);
        let mut skips = lock(&self.record.skips);
        if let Blow::Skip { job, schedule, nth } = blow {
            let jobs = jobs_of(&lock(&self.record.catalogues).last().map(|(_, jobs)| jobs.clone()).unwrap_or_default());
            let Some(job) = jobs.get(*job).filter(|job| job.enabled) else { return };
            let Some(schedule) = job.schedules.iter().find(|s| s.name == *schedule && s.enabled) else { return };
            let Some(due_at) = schedule.spec.upcoming(at).nth(*nth) else { return };
            let slot = Slot { job_id: job.id.clone(), schedule: schedule.name.clone(), due_at };
            (tables.now, tables.caller) = (now, "operator".into());
            if tables.insert_slot(skip_once(slot.clone(), "user:sim", at)) {
                skips.push((slot, now, None));
            }
        } else if let Some((slot, since, until)) = skips.last_mut().filter(|(.., until)| until.is_none())
            // A clock that was set may have been past the slot already.
            && lock(&self.record.jumps).iter().all(|(jump, _)| jump < since)
            && tables.undo_skip(slot, at + TimeDelta::milliseconds(LATEST_UNDO))
        {
            *until = Some(now);
        }
    }
}

impl Tables {
    pub(crate) fn find_holds(&self, since: Instant) -> Holds {
        let mut windows: Vec<Maintenance> = self.windows.values().filter(|w| w.until > since).cloned().collect();
        windows.sort_by(|a, b| (a.from, &a.id).cmp(&(b.from, &b.id)));
        let mut skips: Vec<_> =
            self.slots.values().filter(|row| is_ahead(row) && row.slot.due_at > since).cloned().collect();
        skips.sort_by_key(|row| row.slot.due_at);
        Holds { pause: self.pause.clone(), windows, skips }
    }

    pub(crate) fn add_maintenance(&mut self, window: &Maintenance) {
        self.windows.retain(|_, known| known.until >= window.at - LOOK_BACK);
        self.windows.entry(window.id.clone()).or_insert_with(|| window.clone());
    }

    pub(crate) fn end_maintenance(&mut self, id: &str, at: Instant) -> Option<Maintenance> {
        let window = self.windows.get_mut(id).filter(|window| window.until > at)?;
        let was = window.clone();
        if window.from < at {
            window.until = at;
        } else {
            self.windows.remove(id);
        }
        Some(was)
    }

    pub(crate) fn undo_skip(&mut self, slot: &Slot, after: Instant) -> bool {
        let key = (slot.job_id.clone(), slot.due_at, slot.schedule.clone());
        let is_there = self.slots.get(&key).is_some_and(|row| is_ahead(row) && row.slot.due_at > after);
        if is_there {
            self.slots.remove(&key);
        }
        is_there
    }
}

#[async_trait]
impl HoldStore for Process {
    async fn find_holds(&self, since: Instant) -> Result<Holds, StoreError> {
        self.call("find_holds", |tables| Ok(tables.find_holds(since))).await
    }

    async fn add_maintenance(&self, window: &Maintenance) -> Result<(), StoreError> {
        self.call("add_maintenance", |tables| {
            tables.add_maintenance(window);
            Ok(())
        })
        .await
    }

    async fn end_maintenance(&self, id: &str, at: Instant) -> Result<Option<Maintenance>, StoreError> {
        self.call("end_maintenance", |tables| Ok(tables.end_maintenance(id, at))).await
    }

    async fn undo_skip(&self, slot: &Slot, after: Instant) -> Result<bool, StoreError> {
        self.call("undo_skip", |tables| Ok(tables.undo_skip(slot, after))).await
    }
}
