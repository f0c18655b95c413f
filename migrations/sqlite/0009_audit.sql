-- Who did what: entries that are only added, each with the hash of the one before it. `closes` names the entry that this
-- one says the outcome of.
create table ly2_audit (
    seq      integer not null primary key,
    at       text    not null,
    username text    not null,
    source   text    not null,
    address  text    not null,
    action   text    not null,
    object   text    not null,
    outcome  text    not null check (outcome in ('begun', 'done', 'failed', 'refused')),
    detail   text    not null,
    closes   integer,
    -- Unique: no entry has two that follow it.
    previous text    not null unique,
    hash     text    not null unique
) strict;

create unique index ly2_audit_closes on ly2_audit (closes) where closes is not null;
create index ly2_audit_at on ly2_audit (at);
create index ly2_audit_username on ly2_audit (username, seq);
create index ly2_audit_object on ly2_audit (object, seq) where object <> '';

-- Where the chain begins: place and hash of the newest entry that retention has taken off its old end.
create table ly2_audit_head (
    id   integer not null primary key check (id = 1),
    seq  integer not null,
    hash text    not null
) strict;

insert into ly2_audit_head (id, seq, hash)
values (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

create trigger ly2_audit_follows before insert on ly2_audit
when exists (select 1 from ly2_audit where seq >= new.seq)
    or new.previous is not coalesce(
        (select hash from ly2_audit where seq = new.seq - 1), (select hash from ly2_audit_head where seq = new.seq - 1))
begin
    select raise(abort, 'entries of ly2_audit are only added behind the newest one');
end;

create trigger ly2_audit_stays before update on ly2_audit
begin
    select raise(abort, 'entries of ly2_audit are never changed');
end;

create trigger ly2_audit_kept before delete on ly2_audit
when old.seq > (select seq from ly2_audit_head)
begin
    select raise(abort, 'entries of ly2_audit are only taken off its old end, after ly2_audit_head has moved');
end;

create trigger ly2_audit_head_moves before update on ly2_audit_head
when new.seq <= old.seq or not exists (select 1 from ly2_audit where seq = new.seq and hash = new.hash)
begin
    select raise(abort, 'ly2_audit_head only moves on, to an entry of ly2_audit');
end;

create trigger ly2_audit_head_kept before delete on ly2_audit_head
begin
    select raise(abort, 'ly2_audit_head stays');
end;
