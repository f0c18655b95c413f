-- Search over the log lines of all runs. Lines are indexed in blocks of neighbors of one run; a block is found by its words,
-- and its lines are then read and looked at. See docs/log-search.md.

-- Jobs by number: a block carries the number, so that a renamed job needs one change.
create table ly2_log_jobs (
    id     integer not null primary key,
    job_id text    not null
) strict;
create index ly2_log_jobs_by_job on ly2_log_jobs (job_id);

-- Ids rise in the order of writing, from 1099511627777 on; lines from before this migration get ids below, downwards.
create table ly2_log_blocks (
    id        integer not null primary key,
    run_id    text    not null,
    job       integer, -- null: a line whose run is not known
    first_seq integer not null,
    last_seq  integer not null,
    first_at  text    not null, -- the earliest of its lines
    last_at   text    not null
) strict;
create index ly2_log_blocks_by_run on ly2_log_blocks (run_id, first_seq);

-- The words of each block, once each, and marks that begin with `§` (job, level, day, month). Only the index is kept.
create virtual table ly2_log_words using fts5 (
    words, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);

create trigger ly2_log_blocks_gone after delete on ly2_log_blocks
begin
    delete from ly2_log_words where rowid = old.id;
end;

-- What is still to be indexed: the lines of this run that no block has, and all runs before it. No row: everything is.
create table ly2_log_backlog (
    id     integer not null primary key check (id = 1),
    run_id text    not null
) strict;
insert into ly2_log_backlog (id, run_id) select 1, run_id from ly2_job_logs order by run_id desc limit 1;
