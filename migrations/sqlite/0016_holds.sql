-- Spans of time in which no schedule fires. One that is ended before its time ends earlier.
create table ly2_maintenance (
    id         text not null primary key,
    from_at    text not null,
    until_at   text not null,
    reason     text not null,
    created_by text not null,
    created_at text not null,
    check (from_at < until_at)
) strict, without rowid;

create index ly2_maintenance_by_end on ly2_maintenance (until_at);

-- Slots that were decided before they were due: those that somebody skips once.
create index ly2_slots_ahead on ly2_slots (due_at) where run_id is null and decided_at < due_at;
