-- Runs that wait for the runs of their job before them, and runs that repeat another.

alter table ly2_job_runs add column waits integer not null default 0 check (waits in (0, 1));
alter table ly2_job_runs add column replay_of text;

-- Of the runs that do not wait, one of a job at a time; of all that may not overlap, one that runs.
drop index ly2_job_runs_one_active;
create unique index ly2_job_runs_one_active on ly2_job_runs (job_id)
    where exclusive = true and waits = false and status in ('QUEUED', 'RUNNING');
create unique index ly2_job_runs_one_running on ly2_job_runs (job_id)
    where exclusive = true and status = 'RUNNING';
create index ly2_job_runs_active on ly2_job_runs (job_id, id) where status in ('QUEUED', 'RUNNING');
