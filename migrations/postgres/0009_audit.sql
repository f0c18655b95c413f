-- Who did what: entries that are only added, each with the hash of the one before it. `closes` names the entry that this
-- one says the outcome of.
create table ly2_audit (
    seq      bigint      not null primary key,
    at       timestamptz not null,
    username text collate "C" not null,
    source   text        not null,
    address  text        not null,
    action   text collate "C" not null,
    object   text collate "C" not null,
    outcome  text        not null check (outcome in ('begun', 'done', 'failed', 'refused')),
    detail   json        not null,
    closes   bigint,
    -- Unique: no entry has two that follow it.
    previous text collate "C" not null unique,
    hash     text collate "C" not null unique
);

create unique index ly2_audit_closes on ly2_audit (closes) where closes is not null;
create index ly2_audit_at on ly2_audit (at);
create index ly2_audit_username on ly2_audit (username, seq);
create index ly2_audit_object on ly2_audit (object, seq) where object <> '';

-- Where the chain begins: place and hash of the newest entry that retention has taken off its old end.
create table ly2_audit_head (
    id   integer not null primary key check (id = 1),
    seq  bigint  not null,
    hash text    not null
);

insert into ly2_audit_head (id, seq, hash)
values (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

create function ly2_audit_guard() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if not exists (select 1 from ly2_audit where seq >= new.seq) and new.previous = coalesce(
            (select hash from ly2_audit where seq = new.seq - 1), (select hash from ly2_audit_head where seq = new.seq - 1))
        then
            return new;
        end if;
        raise exception 'entries of ly2_audit are only added behind the newest one';
    elsif tg_table_name = 'ly2_audit' and tg_op = 'DELETE' then
        if old.seq <= (select seq from ly2_audit_head) then
            return old;
        end if;
        raise exception 'entries of ly2_audit are only taken off its old end, after ly2_audit_head has moved';
    elsif tg_table_name = 'ly2_audit_head' and tg_op = 'UPDATE' then
        if new.seq > old.seq and exists (select 1 from ly2_audit where seq = new.seq and hash = new.hash) then
            return new;
        end if;
        raise exception 'ly2_audit_head only moves on, to an entry of ly2_audit';
    end if;
    raise exception '% of % is refused: what it says stays', tg_op, tg_table_name;
end
$$;

create trigger ly2_audit_stays before insert or update or delete on ly2_audit
    for each row execute function ly2_audit_guard();
create trigger ly2_audit_whole before truncate on ly2_audit
    for each statement execute function ly2_audit_guard();
create trigger ly2_audit_head_moves before update or delete on ly2_audit_head
    for each row execute function ly2_audit_guard();
create trigger ly2_audit_head_whole before truncate on ly2_audit_head
    for each statement execute function ly2_audit_guard();
