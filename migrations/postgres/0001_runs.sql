-- Runs, their step attempts, their logs, the ledger of slots, and the scheduler's lease.
-- Ids and names compare by code point (collate "C"), whatever the database's language: run ids sort by time.

create table ly2_job_runs (
    id                  text collate "C" not null primary key check (length(id) = 13), -- sorts by time
    job_id              text collate "C" not null,
    status              text not null check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')),
    reason              text,
    error               text,
    triggered_by        text not null,
    schedule            text,
    scheduled_at        timestamptz,
    queued_at           timestamptz not null,
    started_at          timestamptz,
    finished_at         timestamptz,
    rows_affected       bigint not null default 0,
    step_count          bigint not null check (step_count >= 0),
    steps_done          bigint not null default 0 check (steps_done >= 0),
    log_level           text not null check (log_level in ('DEBUG', 'INFO', 'WARNING', 'ERROR')),
    params              json not null,
    overrides           json not null,
    owner               text not null,
    cancel_requested_by text,
    exclusive           boolean not null, -- no second run of the job beside this one
    check ((finished_at is not null) = (status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')))
);

-- The rule "one run of a job at a time", where two starters meet.
create unique index ly2_job_runs_one_active on ly2_job_runs (job_id)
    where exclusive = true and status in ('QUEUED', 'RUNNING');
create index ly2_job_runs_by_job on ly2_job_runs (job_id, id);
create index ly2_job_runs_latest on ly2_job_runs (job_id, id) where status <> 'SKIPPED';
create index ly2_job_runs_by_status on ly2_job_runs (status, id);

create table ly2_step_runs (
    run_id        text collate "C" not null references ly2_job_runs (id) on delete cascade,
    step_index    bigint not null check (step_index >= 0),
    attempt       bigint not null check (attempt >= 1),
    step_name     text   not null,
    step_type     text   not null,
    status        text   not null check (status in ('PENDING', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')),
    reason        text,
    retry_at      timestamptz,
    started_at    timestamptz,
    finished_at   timestamptz,
    rows_affected bigint,
    input         json,
    output        json, -- object
    error         json, -- object: kind, message, detail, may_retry
    usage         json, -- object
    primary key (run_id, step_index, attempt),
    check ((finished_at is not null) = (status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')))
);

-- No foreign key: one late line of a pruned run must not refuse the whole batch it came in.
create table ly2_job_logs (
    run_id  text collate "C" not null,
    seq     bigint      not null check (seq >= 0),
    at      timestamptz not null,
    level   text        not null check (level in ('DEBUG', 'INFO', 'WARNING', 'ERROR')),
    step    text,
    attempt bigint      not null check (attempt >= 0),
    message text        not null,
    primary key (run_id, seq)
);

-- What became of every instant at which a schedule was due; outlives the runs it names.
create table ly2_slots (
    job_id     text collate "C" not null,
    due_at     timestamptz      not null,
    schedule   text collate "C" not null,
    outcome    text not null check (outcome in ('fired', 'skipped', 'missed', 'failed_to_start')),
    reason     text,
    run_id     text collate "C",
    decided_at timestamptz not null,
    primary key (job_id, due_at, schedule)
);

-- The right to fire schedules: at most one row.
create table ly2_jobs_lock (
    id           integer     not null primary key check (id = 1),
    holder       text        not null,
    term         bigint      not null check (term >= 1), -- rises with every change of holder
    heartbeat_at timestamptz not null
);
