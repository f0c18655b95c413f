-- Notifications: events that nobody has judged yet, messages on their way with every attempt, and what is set up.

-- Written by the triggers below, in the transaction of the change itself: whatever made it, and wherever a process stops.
create table ly2_notify_events (
    seq    integer not null primary key autoincrement,
    event  text    not null check (event in ('failed', 'succeeded', 'recovered', 'canceled', 'skipped')),
    run_id text    not null,
    job_id text    not null,
    at     text    not null
) strict;

-- Events somebody asked for; failures and recoveries are always written.
create table ly2_notify_wants (
    event text not null primary key
) strict, without rowid;

create trigger ly2_notify_run_ended after update of status on ly2_job_runs
when new.status <> old.status and new.status in ('SUCCEEDED', 'FAILED', 'CANCELED')
begin
    insert into ly2_notify_events (event, run_id, job_id, at)
    select told.event, new.id, new.job_id, new.finished_at
    from (
        select case
            when new.status = 'FAILED' then 'failed'
            when new.status = 'CANCELED' then 'canceled'
            when (
                select r.status from ly2_job_runs r
                where r.job_id = new.job_id and r.id < new.id and r.status in ('SUCCEEDED', 'FAILED')
                order by r.id desc limit 1
            ) = 'FAILED' then 'recovered'
            else 'succeeded'
        end as event
    ) told
    where told.event in ('failed', 'recovered') or told.event in (select w.event from ly2_notify_wants w);
end;

create trigger ly2_notify_run_skipped after insert on ly2_job_runs
when new.status = 'SKIPPED' and exists (select 1 from ly2_notify_wants where event = 'skipped')
begin
    insert into ly2_notify_events (event, run_id, job_id, at)
    values ('skipped', new.id, new.job_id, new.finished_at);
end;

-- The outbox. A delivery is one message to one recipient over one transport.
create table ly2_notify_deliveries (
    id           integer not null primary key autoincrement,
    created_at   text    not null,
    transport    text    not null,
    recipient    text    not null,
    route        text,
    group_key    text,
    job_id       text    not null, -- of the first notice
    notices      text    not null, -- JSON: list of objects
    n_notices    integer not null check (n_notices >= 1),
    status       text    not null check (status in ('PENDING', 'SENDING', 'SENT', 'FAILED')),
    due_at       text    not null,
    attempts     integer not null default 0 check (attempts >= 0),
    finished_at  text,
    error        text,
    resend_of    integer,
    requested_by text,
    check ((finished_at is not null) = (status in ('SENT', 'FAILED')))
) strict;
create index ly2_notify_deliveries_due on ly2_notify_deliveries (due_at, id) where status = 'PENDING';
create index ly2_notify_deliveries_by_transport on ly2_notify_deliveries (transport, id);
create index ly2_notify_deliveries_finished on ly2_notify_deliveries (finished_at) where finished_at is not null;

create table ly2_notify_attempts (
    delivery_id integer not null references ly2_notify_deliveries (id) on delete cascade,
    attempt     integer not null check (attempt >= 1),
    at          text    not null,
    duration_ms integer not null check (duration_ms >= 0),
    sent        integer not null check (sent in (0, 1)),
    answer      text    not null,
    primary key (delivery_id, attempt)
) strict, without rowid;

-- What the notifier remembers between two looks.
create table ly2_notify_marks (
    name text not null primary key,
    at   text not null
) strict, without rowid;

-- The right to judge and to send: at most one row.
create table ly2_notify_lock (
    id           integer not null primary key check (id = 1),
    holder       text    not null,
    term         integer not null check (term >= 1), -- rises with every change of holder
    beat         integer not null default 0,
    heartbeat_at text    not null
) strict;

-- Secrets of transports are in ly2_secrets, under names that begin with 'notify/'.
create table ly2_notify_transports (
    name       text    not null primary key,
    kind       text    not null check (kind in ('slack', 'smtp', 'webhook', 'teams')),
    enabled    integer not null check (enabled in (0, 1)),
    settings   text    not null, -- JSON object
    updated_at text    not null,
    updated_by text    not null
) strict, without rowid;

-- The ordered list of routes: at most one row.
create table ly2_notify_routes (
    id         integer not null primary key check (id = 1),
    version    integer not null check (version >= 1),
    routes     text    not null, -- JSON: list of objects
    updated_at text    not null,
    updated_by text    not null
) strict;
