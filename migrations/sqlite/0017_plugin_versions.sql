-- Components that were in force under a plugin's name, what each asks for, and who approved that.
create table ly2_plugin_versions (
    plugin       text    not null,
    digest       text    not null check (length(digest) = 64), -- SHA-256 of the file
    number       integer not null check (number >= 1), -- the greatest of a plugin is in force
    app          text    not null,
    bytes        integer not null check (bytes >= 0),
    asked        text    not null, -- JSON list
    installed_at text    not null,
    installed_by text    not null,
    approved_at  text,
    approved_by  text,
    primary key (plugin, digest),
    check ((approved_at is null) = (approved_by is null))
) strict, without rowid;

create index ly2_step_runs_of_components on ly2_step_runs (run_id) where step_type = 'wasm';
