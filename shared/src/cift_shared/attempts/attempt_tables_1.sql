-- The tables of the attempt engine, in the schema the search_path names.

create table attempt (
    attempt_id    uuid primary key,
    payment_id    uuid not null,                   -- or what else it is for: a saved method, its end
    number        smallint not null default 1 check (number > 0),
    operation     text check (operation in ('deposit', 'withdrawal', 'refund', 'setup', 'detach')),
    state         text not null
                  check (state in ('ready', 'sending', 'waiting', 'unknown', 'done', 'review')),
    request       jsonb,                           -- the command; null: canceled before it came
    memory        jsonb not null default '{}',     -- what the processor remembers; personal data sealed
    fingerprint   text unique,                     -- keyed hash of the provider's reference
    maybe_sent    boolean not null default false,  -- a request may have reached the provider
    submits       integer not null default 0,
    checks        integer not null default 0,
    seq           integer not null default 0,      -- results published so far
    last_result   bytea,                           -- the last one that told a state, to send again
    last_headers  jsonb,
    trace         jsonb not null default '{}',     -- trace context of the command
    lease         bigint not null default 0,       -- grows with every claim: fences a late writer
    lease_owner   text,                            -- who holds it; null: nobody
    next_check_at timestamptz,                     -- when it is due (for a held lease: when that ends)
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    unique (payment_id, number),
    check (state in ('done', 'review') or next_check_at is not null),
    check ((request is null) = (operation is null))
) with (fillfactor = 70);

create index attempt_due on attempt (next_check_at) where next_check_at is not null;
create index attempt_open on attempt (state) where state not in ('done');
create index attempt_leased on attempt (lease_owner) where lease_owner is not null;

create table notice (
    notice_id     text primary key,
    attempt_id    uuid,                            -- null: came without a path of ours and fits nothing
    purpose       smallint,
    sealed_body   text not null,
    source_listed boolean not null,
    received_at   timestamptz not null,
    handled_at    timestamptz
);

create index notice_open on notice (attempt_id) where handled_at is null;
