//! What holds schedules back, in memory.

use async_trait::async_trait;
use host_model::Instant;
use host_model::fire::Slot;
use host_model::hold::{HoldStore, Holds, LOOK_BACK, Maintenance};
use host_model::port::StoreError;

use crate::fires::is_ahead;
use crate::handle::Process;
use crate::tables::Tables;

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
