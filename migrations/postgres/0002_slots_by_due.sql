-- Retention finds the oldest slots of all jobs. Runs and logs need no index for that: their ids sort by time.
create index ly2_slots_by_due on ly2_slots (due_at);
