-- Listeners of one process hear of slots that another decided without a run; those are few.
create index ly2_slots_unfired on ly2_slots (decided_at) where run_id is null;
