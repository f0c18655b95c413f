-- Requests that named a key: what they asked for, the run they stand for, and what they were answered.
create table ly2_idempotency (
    caller     text    not null,
    key        text    not null,
    request    text    not null, -- digest of address and body
    run_id     text    not null check (length(run_id) = 13), -- given before the run is recorded
    owner      text    not null, -- the process that is at it
    created_at text    not null,
    status     integer,          -- of the answer; none yet while it is null
    body       text,
    primary key (caller, key),
    check ((status is null) = (body is null))
) strict, without rowid;
create index ly2_idempotency_by_age on ly2_idempotency (created_at);
