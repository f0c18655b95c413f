-- What plugins remember from one call to the next, each plugin in a space of its own.
create table ly2_plugin_state (
    plugin     text collate "C" not null,
    key        text collate "C" not null,
    value      text        not null,
    updated_at timestamptz not null,
    primary key (plugin, key)
);
