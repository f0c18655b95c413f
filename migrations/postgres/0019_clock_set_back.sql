-- When the clock of whoever fires schedules was set back: slots of the ledger that were due in this span, the first instant
-- excluded, may be from before, and do not say that the slots before them were decided.
create table ly2_clock_set_back (
    set_to   timestamptz not null,
    ahead_to timestamptz not null,
    primary key (set_to, ahead_to),
    check (set_to < ahead_to)
);

create index ly2_clock_set_back_by_end on ly2_clock_set_back (ahead_to);
