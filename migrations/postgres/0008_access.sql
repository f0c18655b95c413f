-- Who may sign in. Passwords are argon2id hashes; permissions are JSON lists of texts such as "job:nightly".
create table ly2_users (
    name                 text collate "C" not null primary key,
    display_name         text        not null,
    source               text        not null check (source in ('local', 'oidc', 'ldap')),
    subject              text        unique,
    password             text,
    granted              text        not null,
    from_groups          text        not null,
    disabled             boolean     not null,
    must_change_password boolean     not null,
    epoch                bigint      not null,
    created_at           timestamptz not null,
    created_by           text        not null,
    last_sign_in_at      timestamptz,
    check ((source = 'local') = (subject is null))
);

-- Sign-ins that last. A refresh token is kept as its SHA-256 and replaced each time it is used.
create table ly2_sessions (
    id           text collate "C" not null primary key,
    user_name    text collate "C" not null,
    opened_by    text        not null,
    epoch        bigint      not null,
    refresh_hash text        not null,
    created_at   timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at   timestamptz not null,
    address      text        not null,
    agent        text        not null
);
create index ly2_sessions_user on ly2_sessions (user_name);
create index ly2_sessions_expires on ly2_sessions (expires_at);

-- API tokens, as the SHA-256 of their text.
create table ly2_tokens (
    id             text collate "C" not null primary key,
    name           text        not null,
    user_name      text collate "C" not null references ly2_users (name) on delete cascade,
    hash           text        not null unique,
    permissions    text        not null,
    created_at     timestamptz not null,
    expires_at     timestamptz,
    last_used_at   timestamptz,
    last_used_from text
);
create index ly2_tokens_user on ly2_tokens (user_name);
