-- Each schedule as last seen, so that slots due while nobody was there are decided when somebody comes back.
create table ly2_schedules (
    job_id   text collate "C" not null,
    schedule text collate "C" not null,
    text     text        not null, -- rhythm, zone and rules; another text is another schedule
    since    timestamptz not null, -- slots due after this instant must be in the ledger
    primary key (job_id, schedule)
);

-- The pause of the whole scheduler, as long as it lasts.
alter table ly2_jobs_lock add column paused_by text;
alter table ly2_jobs_lock add column paused_at timestamptz;
alter table ly2_jobs_lock add column pause_reason text;
