-- Schema of the M-Pesa worker: its role, its outbox and the token its processes share.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_mpesa') then
        create role cift_mpesa nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_mpesa to current_user;

create schema mpesa;
grant usage on schema mpesa to cift_mpesa;

-- Daraja ends the former token when it issues a new one, so one token serves every process.
create table mpesa.access_token (
    app        text primary key check (app ~ '^[0-9a-f]{64}$'),  -- keyed hash of host and key
    sealed     text not null,
    expires_at timestamptz not null,
    updated_at timestamptz not null default now()
);

create table mpesa.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

grant select, insert, update on mpesa.access_token to cift_mpesa;
grant select, insert, delete on mpesa.outbox to cift_mpesa;
