-- Tables that every country of MTN MoMo has in its own schema. An applied file is never changed:
-- the next one is momo_tables_2.sql.

create table outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

-- The newest token of each API user, shared by the worker's processes.
create table access_token (
    app        text primary key check (app ~ '^[0-9a-f]{64}$'),  -- keyed hash of address and user
    sealed     text not null,
    expires_at timestamptz not null,
    updated_at timestamptz not null default now()
);

-- Written before a request is sent: its X-Reference-Id, and the platform that gets it. Every later
-- request about the attempt goes to that platform.
create table sent (
    attempt_id   uuid primary key,
    reference_id uuid not null unique,
    base         text not null,
    target       text not null,                      -- X-Target-Environment
    times        integer not null default 1,         -- how often it was, or may have been, sent
    first_at     timestamptz not null,
    last_at      timestamptz not null
);
