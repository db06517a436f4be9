-- Schema of the gateway: keys, idempotency, saved methods, inbox and outbox.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_gateway') then
        create role cift_gateway nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_gateway to current_user;

create schema gateway;
grant usage on schema gateway to cift_gateway;

-- Written by `cift api-key` only; the service reads.
create table gateway.api_key (
    key_id      text primary key check (key_id ~ '^[0-9A-Za-z]{12}$'),
    merchant_id text not null check (merchant_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    name        text not null check (length(name) between 1 and 100),
    livemode    boolean not null,
    scopes      text[] not null check (cardinality(scopes) > 0),
    digest      text not null check (digest ~ '^[0-9a-f]{64}$'),
    created_at  timestamptz not null,
    expires_at  timestamptz,
    revoked_at  timestamptz
);
create index api_key_by_merchant on gateway.api_key (merchant_id, created_at);

-- One row for each accepted request; the reply is what a replay answers.
create table gateway.idempotency_key (
    merchant_id    text not null,
    livemode       boolean not null,
    route          text not null,
    key_digest     text not null,
    request_digest text not null,
    resource_id    uuid not null,  -- the payment or conversion that was made
    status         smallint not null check (status between 200 and 299),
    location       text not null,
    reply          jsonb not null,
    created_at     timestamptz not null,
    expires_at     timestamptz not null check (expires_at > created_at),
    primary key (merchant_id, livemode, route, key_digest)
);
create index idempotency_key_by_expiry on gateway.idempotency_key using brin (expires_at);

create table gateway.payment_method (
    payment_method_id uuid primary key,
    merchant_id       text not null,
    livemode          boolean not null,
    customer_id       text not null,
    method            text not null,
    kind              text not null check (kind in ('phone')),
    display           text not null,
    sealed            text not null,
    country           text not null check (country ~ '^[A-Z]{2}$'),
    fingerprint       text not null,
    verified_at       timestamptz,
    created_at        timestamptz not null,
    unique (merchant_id, livemode, customer_id, method, fingerprint)
);
create index payment_method_page on gateway.payment_method
    (merchant_id, livemode, created_at desc, payment_method_id desc);

-- Every provider notice, sealed, once; quarantined ones wait here for people.
create table gateway.inbox (
    notice_id     text primary key,
    provider      text not null,
    attempt_id    uuid,
    purpose       smallint,
    disposition   text not null check (disposition in ('published', 'quarantined')),
    source        text not null,
    source_listed boolean not null,
    sealed_body   text not null,
    received_at   timestamptz not null
);
create index inbox_by_arrival on gateway.inbox using brin (received_at);
create index inbox_quarantined on gateway.inbox (received_at) where disposition = 'quarantined';

create table gateway.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);

grant select on gateway.api_key to cift_gateway;
grant select, insert, delete on gateway.idempotency_key to cift_gateway;
grant select, insert, update, delete on gateway.payment_method to cift_gateway;
grant select, insert, delete on gateway.inbox to cift_gateway;
grant select, insert, delete on gateway.outbox to cift_gateway;
