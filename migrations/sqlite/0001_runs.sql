-- Runs, their step attempts, their logs, the ledger of slots, and the scheduler's lease.

create table ly2_job_runs (
    id                  text not null primary key check (length(id) = 13), -- sorts by time
    job_id              text not null,
    status              text not null check (status in ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')),
    reason              text,
    error               text,
    triggered_by        text not null,
    schedule            text,
    scheduled_at        text,
    queued_at           text not null,
    started_at          text,
    finished_at         text,
    rows_affected       integer not null default 0,
    step_count          integer not null check (step_count >= 0),
    steps_done          integer not null default 0 check (steps_done >= 0),
    log_level           text not null check (log_level in ('DEBUG', 'INFO', 'WARNING', 'ERROR')),
    params              text not null, -- JSON object
    overrides           text not null, -- JSON object
    owner               text not null,
    cancel_requested_by text,
    exclusive           integer not null check (exclusive in (0, 1)), -- no second run of the job beside this one
    check ((finished_at is not null) = (status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')))
) strict;

-- The rule "one run of a job at a time", where two starters meet.
create unique index ly2_job_runs_one_active on ly2_job_runs (job_id)
    where exclusive = true and status in ('QUEUED', 'RUNNING');
create index ly2_job_runs_by_job on ly2_job_runs (job_id, id);
create index ly2_job_runs_latest on ly2_job_runs (job_id, id) where status <> 'SKIPPED';
create index ly2_job_runs_by_status on ly2_job_runs (status, id);

create table ly2_step_runs (
    run_id        text    not null references ly2_job_runs (id) on delete cascade,
    step_index    integer not null check (step_index >= 0),
    attempt       integer not null check (attempt >= 1),
    step_name     text    not null,
    step_type     text    not null,
    status        text    not null check (status in ('PENDING', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')),
    reason        text,
    retry_at      text,
    started_at    text,
    finished_at   text,
    rows_affected integer,
    input         text, -- JSON
    output        text, -- JSON object
    error         text, -- JSON object: kind, message, detail, may_retry
    usage         text, -- JSON object
    primary key (run_id, step_index, attempt),
    check ((finished_at is not null) = (status in ('SUCCEEDED', 'FAILED', 'CANCELED', 'SKIPPED')))
) strict;

-- No foreign key: one late line of a pruned run must not refuse the whole batch it came in.
create table ly2_job_logs (
    run_id  text    not null,
    seq     integer not null check (seq >= 0),
    at      text    not null,
    level   text    not null check (level in ('DEBUG', 'INFO', 'WARNING', 'ERROR')),
    step    text,
    attempt integer not null check (attempt >= 0),
    message text    not null,
    primary key (run_id, seq)
) strict, without rowid;

-- What became of every instant at which a schedule was due; outlives the runs it names.
create table ly2_slots (
    job_id     text not null,
    due_at     text not null,
    schedule   text not null,
    outcome    text not null check (outcome in ('fired', 'skipped', 'missed', 'failed_to_start')),
    reason     text,
    run_id     text,
    decided_at text not null,
    primary key (job_id, due_at, schedule)
) strict, without rowid;

-- The right to fire schedules: at most one row.
create table ly2_jobs_lock (
    id           integer not null primary key check (id = 1),
    holder       text    not null,
    term         integer not null check (term >= 1), -- rises with every change of holder
    heartbeat_at text    not null
) strict;
