-- The processes that share this store, what runs need to go on in another of them, and the holder's signs of life.

-- beat counts signs of life: whoever watches compares counts, never clocks.
create table ly2_replicas (
    owner             text collate "C" not null primary key, -- host/pid/start, as in ly2_job_runs.owner
    beat              bigint not null check (beat >= 1),
    seen_at           timestamptz not null, -- of the last sign of life, by its own clock
    role              text not null,
    labels            text not null, -- JSON: list of texts
    url               text,
    version           text not null,
    scheduler_enabled boolean not null,
    room              bigint not null,
    started_at        timestamptz not null
);

alter table ly2_jobs_lock add column beat bigint not null default 0;

-- What runs do, each text once. used_at moves with use, though not with every use, so that retention takes only what nobody
-- has used for long.
create table ly2_job_definitions (
    digest  text collate "C" not null primary key, -- SHA-256 of body, in hexadecimal
    body    text not null, -- JSON
    used_at timestamptz not null
);
create index ly2_job_definitions_by_use on ly2_job_definitions (used_at);

-- A run without an owner waits until a process that accepts its placement takes it up; term counts how often that happened.
alter table ly2_job_runs add column term bigint not null default 1;
alter table ly2_job_runs add column placement text not null default 'any';
alter table ly2_job_runs add column limits text not null default '[]'; -- JSON: list of texts
alter table ly2_job_runs add column definition text collate "C" references ly2_job_definitions (digest);
alter table ly2_job_runs add column replay_from text;
create index ly2_job_runs_by_definition on ly2_job_runs (definition) where definition is not null;
create index ly2_job_runs_unclaimed on ly2_job_runs (id, placement) where status = 'QUEUED' and owner = '';
create index ly2_job_runs_owned on ly2_job_runs (owner) where status in ('QUEUED', 'RUNNING') and owner <> '';
create index ly2_job_runs_marked on ly2_job_runs (id)
    where status in ('QUEUED', 'RUNNING') and cancel_requested_by is not null;
