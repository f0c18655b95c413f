-- What plugins remember from one call to the next, each plugin in a space of its own.
create table ly2_plugin_state (
    plugin     text not null,
    key        text not null,
    value      text not null,
    updated_at text not null,
    primary key (plugin, key)
) strict;
