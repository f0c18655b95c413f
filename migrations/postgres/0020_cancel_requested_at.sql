-- When somebody first asked for a run to be canceled. Null where nobody has, or a version before this one kept the mark.
alter table ly2_job_runs add column cancel_requested_at timestamptz;
