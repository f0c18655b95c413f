-- The last versions of each job; the text has no secret in clear.
create table ly2_job_versions (
    job_id     text    not null,
    version    integer not null check (version >= 1),
    app        text    not null,
    changed_at text    not null,
    changed_by text    not null,
    change     text    not null check (change in ('create', 'edit', 'enable', 'restore', 'import', 'rename', 'file', 'delete')),
    etag       text    not null, -- digest of everything saved for the job
    body       text    not null, -- TOML
    primary key (job_id, version)
) strict, without rowid;
