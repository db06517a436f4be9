-- Pushes by their AccountReference, and what Safaricom's own records (Pull Transactions) say of them.

set local search_path to mpesa;

-- Written before a push is sent: the reference that the payer and the records will show.
create table push (
    attempt_id uuid primary key,
    reference  text not null unique check (reference ~ '^[A-Z2-7]{12}$'),
    form       smallint not null,                  -- 1: unkeyed hash of the payment, 2: keyed hash
    first_at   timestamptz not null default now(), -- before the first try to send it
    last_at    timestamptz not null default now()  -- before the newest try
);

-- How far the records have been read, by short code and kind of look.
create table pull (
    name            text primary key,
    registered_at   timestamptz,                   -- when pulls were first known to be registered
    covered_from    timestamptz,                   -- read whole from here ...
    covered_until   timestamptz,                   -- ... to here
    due_at          timestamptz not null default now(),
    claim           bigint not null default 0,     -- grows with every round: fences a late writer
    check (covered_from <= covered_until)
);

-- Rows of the records, each once. Whatever may be personal is in the sealed copy only.
create table pulled (
    row_id       text primary key,                 -- the receipt, or a keyed hash of a row without
    receipt      text check (receipt ~ '^[A-Z0-9]{8,12}$'),
    reference    text check (reference ~ '^[A-Z2-7]{12}$'),
    amount_minor bigint check (amount_minor >= 0),
    at           timestamptz,                      -- when the provider completed it
    attempt_id   uuid,                             -- of the push with that reference
    sent_at      timestamptz,                      -- when that push was first sent
    sealed       text not null,
    seen_at      timestamptz not null default now(),
    noticed_at   timestamptz                       -- when the attempt was given the row as a hint
);

create index pulled_reference on pulled (reference) where reference is not null;
create index pulled_at on pulled (at);
create index pulled_sent on pulled (sent_at) where sent_at is not null;
create index pulled_unnoticed on pulled (attempt_id)
    where attempt_id is not null and noticed_at is null;

grant select, insert, update on push, pull, pulled to cift_mpesa;

-- For `cift reconcile mpesa --pulled`; no sealed text, no reference of a stranger.
create view pulled_line as
    select receipt, reference, amount_minor, at from pulled
     where receipt is not null and amount_minor is not null and at is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'cift_operator') then
        grant usage on schema mpesa to cift_operator;
        grant select on pulled_line to cift_operator;
    end if;
end
$$;
