-- Schema of the exchange rates: who reads markets, what each of them said last, what they agree on.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_rates') then
        create role cift_rates nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_rates to current_user;

create schema rates;
grant usage on schema rates to cift_rates, cift_gateway, cift_bitcoin, cift_ethereum;

create table rates.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);
grant select, insert, delete on rates.outbox to cift_rates;

-- The last price of each currency at each source, in US dollars for one whole unit.
create table rates.price (
    currency text not null,
    source   text not null,
    usd      numeric not null check (usd > 0),
    read_at  timestamptz not null,
    primary key (currency, source)
);

-- What the sources agree on: the middle of their prices, as old as the oldest of them. `usd` is null
-- while they contradict each other.
create table rates.rate (
    currency  text primary key,
    usd       numeric check (usd > 0),
    sources   text not null,
    as_of     timestamptz,
    deviation numeric not null check (deviation >= 0),
    check ((usd is null) = (as_of is null))
);

grant select, insert, update, delete on rates.price, rates.rate to cift_rates;
grant select on rates.rate to cift_gateway, cift_bitcoin, cift_ethereum;

set local search_path to rates;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_rates;
