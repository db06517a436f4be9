-- Schema of the PayPal worker: its role, its outbox and the token its processes share.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_paypal') then
        create role cift_paypal nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_paypal to current_user;

create schema paypal;
grant usage on schema paypal to cift_paypal;

-- PayPal limits requests for tokens, and a token lives for hours, so the processes share the newest.
create table paypal.access_token (
    app        text primary key check (app ~ '^[0-9a-f]{64}$'),  -- keyed hash of host and client id
    sealed     text not null,
    expires_at timestamptz not null,
    updated_at timestamptz not null default now()
);

create table paypal.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

grant select, insert, update on paypal.access_token to cift_paypal;
grant select, insert, delete on paypal.outbox to cift_paypal;
