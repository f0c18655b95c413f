-- Each schedule as last seen, so that slots due while nobody was there are decided when somebody comes back.
create table ly2_schedules (
    job_id   text not null,
    schedule text not null,
    text     text not null, -- rhythm, zone and rules; another text is another schedule
    since    text not null, -- slots due after this instant must be in the ledger
    primary key (job_id, schedule)
) strict, without rowid;

-- The pause of the whole scheduler, as long as it lasts.
alter table ly2_jobs_lock add column paused_by text;
alter table ly2_jobs_lock add column paused_at text;
alter table ly2_jobs_lock add column pause_reason text;
