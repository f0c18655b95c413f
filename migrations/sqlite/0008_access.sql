-- Who may sign in. Passwords are argon2id hashes; permissions are JSON lists of texts such as "job:nightly".
create table ly2_users (
    name                 text not null primary key,
    display_name         text not null,
    source               text not null check (source in ('local', 'oidc', 'ldap')),
    subject              text unique,
    password             text,
    granted              text not null,
    from_groups          text not null,
    disabled             integer not null check (disabled in (0, 1)),
    must_change_password integer not null check (must_change_password in (0, 1)),
    epoch                integer not null,
    created_at           text not null,
    created_by           text not null,
    last_sign_in_at      text,
    check ((source = 'local') = (subject is null))
) strict, without rowid;

-- Sign-ins that last. A refresh token is kept as its SHA-256 and replaced each time it is used.
create table ly2_sessions (
    id           text not null primary key,
    user_name    text not null,
    opened_by    text not null,
    epoch        integer not null,
    refresh_hash text not null,
    created_at   text not null,
    refreshed_at text not null,
    expires_at   text not null,
    address      text not null,
    agent        text not null
) strict, without rowid;
create index ly2_sessions_user on ly2_sessions (user_name);
create index ly2_sessions_expires on ly2_sessions (expires_at);

-- API tokens, as the SHA-256 of their text.
create table ly2_tokens (
    id             text not null primary key,
    name           text not null,
    user_name      text not null references ly2_users (name) on delete cascade,
    hash           text not null unique,
    permissions    text not null,
    created_at     text not null,
    expires_at     text,
    last_used_at   text,
    last_used_from text
) strict, without rowid;
create index ly2_tokens_user on ly2_tokens (user_name);
