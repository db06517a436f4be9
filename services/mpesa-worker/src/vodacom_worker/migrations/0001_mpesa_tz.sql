-- Schema of M-Pesa Tanzania's part of the mpesa-worker: its role, its outbox and its sessions.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_mpesa_tz') then
        create role cift_mpesa_tz nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_mpesa_tz to current_user;

create schema mpesa_tz;
grant usage on schema mpesa_tz to cift_mpesa_tz;

-- A new session is accepted only after a while, and does not end the former one: both are kept.
create table mpesa_tz.session (
    id         bigint generated always as identity primary key,
    app        text not null check (app ~ '^[0-9a-f]{64}$'),  -- keyed hash of address and API key
    sealed     text not null,
    issued_at  timestamptz not null,
    expires_at timestamptz not null
);

create index session_newest on mpesa_tz.session (app, issued_at);

create table mpesa_tz.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

grant select, insert, delete on mpesa_tz.session to cift_mpesa_tz;
grant select, insert, delete on mpesa_tz.outbox to cift_mpesa_tz;
