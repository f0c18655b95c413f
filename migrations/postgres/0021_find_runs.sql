-- For lists of runs: by what began them, and by what they say. Neither has what schedules began and what went well, which is most.
create index ly2_job_runs_by_trigger on ly2_job_runs (split_part(triggered_by, ':', 1), id) where triggered_by <> 'cron';
create index ly2_job_runs_told on ly2_job_runs (id) where reason is not null or error is not null;
