-- Secrets by name, sealed with a key that is not in here.
create table ly2_secrets (
    name       text collate "C" not null primary key,
    sealed     text        not null,
    updated_at timestamptz not null,
    updated_by text        not null
);
