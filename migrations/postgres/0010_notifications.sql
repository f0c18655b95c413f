-- Notifications: events that nobody has judged yet, messages on their way with every attempt, and what is set up.

-- Written by the triggers below, in the transaction of the change itself: whatever made it, and wherever a process stops.
create table ly2_notify_events (
    seq    bigint generated always as identity primary key,
    event  text collate "C" not null check (event in ('failed', 'succeeded', 'recovered', 'canceled', 'skipped')),
    run_id text collate "C" not null,
    job_id text collate "C" not null,
    at     timestamptz not null
);

-- Events somebody asked for; failures and recoveries are always written.
create table ly2_notify_wants (
    event text collate "C" not null primary key
);

create function ly2_notify_run_changed() returns trigger language plpgsql as $$
declare
    told text;
begin
    if new.status = 'SKIPPED' then
        told := 'skipped';
    elsif new.status = 'FAILED' then
        told := 'failed';
    elsif new.status = 'CANCELED' then
        told := 'canceled';
    elsif (
        select r.status from ly2_job_runs r
        where r.job_id = new.job_id and r.id < new.id and r.status in ('SUCCEEDED', 'FAILED')
        order by r.id desc limit 1
    ) = 'FAILED' then
        told := 'recovered';
    else
        told := 'succeeded';
    end if;
    if told in ('failed', 'recovered') or exists (select 1 from ly2_notify_wants w where w.event = told) then
        insert into ly2_notify_events (event, run_id, job_id, at) values (told, new.id, new.job_id, new.finished_at);
    end if;
    return null;
end
$$;

create trigger ly2_notify_run_ended after update of status on ly2_job_runs for each row
    when (new.status <> old.status and new.status in ('SUCCEEDED', 'FAILED', 'CANCELED'))
    execute function ly2_notify_run_changed();

create trigger ly2_notify_run_skipped after insert on ly2_job_runs for each row
    when (new.status = 'SKIPPED')
    execute function ly2_notify_run_changed();

-- The outbox. A delivery is one message to one recipient over one transport.
create table ly2_notify_deliveries (
    id           bigint generated always as identity primary key,
    created_at   timestamptz not null,
    transport    text collate "C" not null,
    recipient    text not null,
    route        text,
    group_key    text,
    job_id       text collate "C" not null, -- of the first notice
    notices      json not null, -- list of objects
    n_notices    bigint not null check (n_notices >= 1),
    status       text not null check (status in ('PENDING', 'SENDING', 'SENT', 'FAILED')),
    due_at       timestamptz not null,
    attempts     bigint not null default 0 check (attempts >= 0),
    finished_at  timestamptz,
    error        text,
    resend_of    bigint,
    requested_by text,
    check ((finished_at is not null) = (status in ('SENT', 'FAILED')))
);
create index ly2_notify_deliveries_due on ly2_notify_deliveries (due_at, id) where status = 'PENDING';
create index ly2_notify_deliveries_by_transport on ly2_notify_deliveries (transport, id);
create index ly2_notify_deliveries_finished on ly2_notify_deliveries (finished_at) where finished_at is not null;

create table ly2_notify_attempts (
    delivery_id bigint not null references ly2_notify_deliveries (id) on delete cascade,
    attempt     bigint not null check (attempt >= 1),
    at          timestamptz not null,
    duration_ms bigint not null check (duration_ms >= 0),
    sent        boolean not null,
    answer      text not null,
    primary key (delivery_id, attempt)
);

-- What the notifier remembers between two looks.
create table ly2_notify_marks (
    name text collate "C" not null primary key,
    at   timestamptz not null
);

-- The right to judge and to send: at most one row.
create table ly2_notify_lock (
    id           integer not null primary key check (id = 1),
    holder       text not null,
    term         bigint not null check (term >= 1), -- rises with every change of holder
    beat         bigint not null default 0,
    heartbeat_at timestamptz not null
);

-- Secrets of transports are in ly2_secrets, under names that begin with 'notify/'.
create table ly2_notify_transports (
    name       text collate "C" not null primary key,
    kind       text not null check (kind in ('slack', 'smtp', 'webhook', 'teams')),
    enabled    boolean not null,
    settings   json not null, -- object
    updated_at timestamptz not null,
    updated_by text not null
);

-- The ordered list of routes: at most one row.
create table ly2_notify_routes (
    id         integer not null primary key check (id = 1),
    version    bigint not null check (version >= 1),
    routes     json not null, -- list of objects
    updated_at timestamptz not null,
    updated_by text not null
);
