-- Schema of the Bitcoin watcher: its role, its outbox, the engine's tables, addresses, chain, outputs.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_bitcoin') then
        create role cift_bitcoin nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_bitcoin to current_user;

create schema bitcoin;
grant usage on schema bitcoin to cift_bitcoin;

create table bitcoin.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);
grant select, insert, delete on bitcoin.outbox to cift_bitcoin;

-- The next index to derive. Its row is locked until the address is stored, so indices become visible
-- in their order, and a reader of all new addresses misses none.
create table bitcoin.address_counter (
    is_single  boolean primary key default true check (is_single),
    next_index bigint not null check (next_index between 0 and 2147483647)
);

create table bitcoin.address (
    index      bigint primary key,         -- never used twice, whatever becomes of its payment
    address    text not null unique,
    script     bytea not null unique,
    payment_id uuid unique,                -- null: the address that all deposits share
    created_at timestamptz not null default now()
);

-- The block up to which everything is read. One row: a database is for one network.
create table bitcoin.chain (
    is_single   boolean primary key default true check (is_single),
    network     text not null,
    height      bigint not null check (height >= 0),
    hash        text not null,
    is_settled  boolean not null default true,  -- false from the first undone block until a new tip
    followed_at timestamptz                     -- begin of the last read that reached the tip
);

create table bitcoin.block (
    hash      text primary key,
    height    bigint not null,
    prev_hash text not null,
    bits      bigint not null,
    is_active boolean not null default true     -- false: undone by a reorganisation
);
create unique index block_active on bitcoin.block (height) where is_active;

create table bitcoin.output (
    txid          text not null,
    vout          bigint not null,
    address       text not null references bitcoin.address (address),
    satoshi       bigint not null check (satoshi >= 0),
    is_coinbase   boolean not null,
    block_hash    text references bitcoin.block (hash),
    height        bigint,                       -- where it is in our chain; null: in no block
    in_mempool    boolean not null,
    first_seen_at timestamptz not null,
    payment_id    uuid,                         -- the deposit that it is for; null: not known (yet)
    deposit_id    uuid,                         -- the deposit that it was settled with
    received_as   uuid,                         -- the payment that reported it without a command
    reversals     integer not null default 0,   -- how often the chain took it back after that
    is_reversed   boolean not null default false,
    primary key (txid, vout),
    check ((block_hash is null) = (height is null)),
    check (not (in_mempool and height is not null)),
    check (deposit_id is null or received_as is null)
);
create index output_payment on bitcoin.output (payment_id) where payment_id is not null;
create index output_open on bitcoin.output (height) where deposit_id is null and received_as is null;
create index output_unconfirmed on bitcoin.output (txid) where height is null;
create index output_block on bitcoin.output (block_hash) where block_hash is not null;
create index output_reversed on bitcoin.output (height) where is_reversed;

grant select, insert, update on bitcoin.address_counter to cift_bitcoin;
grant select, insert on bitcoin.address to cift_bitcoin;
grant select, insert, update on bitcoin.chain, bitcoin.block, bitcoin.output to cift_bitcoin;

set local search_path to bitcoin;

\include cift_shared.attempts attempt_tables_1.sql
\include cift_shared lease_table_1.sql

grant select, insert, update on attempt, notice, lease to cift_bitcoin;
