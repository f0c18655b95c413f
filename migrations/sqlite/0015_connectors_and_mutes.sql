-- When the password of a pool or directory in connectors.toml was changed here, and by whom. The digest is that of the text
-- in the file: a row whose digest is another one tells of a password that somebody has changed by hand since.
create table ly2_connector_secrets (
    place      text not null primary key, -- pools/<name>, connectors/<name>
    digest     text not null,
    changed_at text not null,
    changed_by text not null
) strict, without rowid;

-- Alerts that are held back until an instant: of a job, or along a route.
create table ly2_notify_mutes (
    kind     text    not null check (kind in ('job', 'route')),
    name     text    not null,
    until_at text    not null,
    muted_at text    not null,
    muted_by text    not null,
    reason   text    not null,
    held     integer not null default 0 check (held >= 0), -- messages that were not sent for it
    primary key (kind, name)
) strict, without rowid;
