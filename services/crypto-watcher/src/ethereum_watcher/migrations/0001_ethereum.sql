-- Schema of the Ethereum watcher: role, outbox, the engine's tables, addresses, chain, arrivals.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_ethereum') then
        create role cift_ethereum nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_ethereum to current_user;

create schema ethereum;
grant usage on schema ethereum to cift_ethereum;

create table ethereum.outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    headers    jsonb not null,
    body       bytea not null,
    created_at timestamptz not null default now()
);
grant select, insert, delete on ethereum.outbox to cift_ethereum;

-- The next index to derive. Its row is locked until the address is stored, so indices become visible
-- in their order, and a reader of all new addresses misses none.
create table ethereum.address_counter (
    is_single  boolean primary key default true check (is_single),
    next_index bigint not null check (next_index between 0 and 2147483647)
);

create table ethereum.address (
    index          bigint primary key,         -- never used twice, whatever becomes of its payment
    address        text not null unique,       -- with its checksum
    script         bytea not null unique,      -- the account's 20 bytes
    payment_id     uuid unique,                -- null: the address that all deposits share
    created_at     timestamptz not null default now(),
    since_height   bigint,                     -- the final block when it was assigned
    balance_height bigint,                     -- the final block up to which its balance is explained
    balance_wei    numeric(78,0) check (balance_wei >= 0),
    check ((balance_height is null) = (balance_wei is null))
);
create index address_created on ethereum.address (created_at) where payment_id is not null;

-- The block up to which everything is read. One row: a database is for one network.
create table ethereum.chain (
    is_single    boolean primary key default true check (is_single),
    chain_id     bigint not null,
    height       bigint not null check (height >= 0),
    hash         text not null,
    is_settled   boolean not null default true,  -- false from the first undone block until a new tip
    followed_at  timestamptz,                    -- begin of the last read that reached the tip
    final_height bigint                          -- the highest block that the nodes call final
);

create table ethereum.block (
    hash      text primary key,
    height    bigint not null,
    prev_hash text not null,
    is_active boolean not null default true      -- false: undone by a reorganisation
);
create unique index block_active on ethereum.block (height) where is_active;

create table ethereum.arrival (
    hash          text not null,                -- of the transaction; of a final block: an increase
    place         bigint not null,              -- -1: a transaction; else the index of the address
    address       text not null references ethereum.address (address),
    wei           numeric(78,0) not null check (wei > 0),
    block_hash    text references ethereum.block (hash),
    height        bigint,                       -- where it is in our chain; null: in no block
    first_seen_at timestamptz not null,
    payment_id    uuid,                         -- the deposit that it is for; null: not known (yet)
    deposit_id    uuid,                         -- the deposit that it was settled with
    received_as   uuid,                         -- the payment that reported it without a command
    reversals     integer not null default 0,   -- how often the chain took it back after that
    is_reversed   boolean not null default false,
    primary key (hash, place),
    check ((block_hash is null) = (height is null)),
    check (deposit_id is null or received_as is null)
);
create index arrival_payment on ethereum.arrival (payment_id) where payment_id is not null;
create index arrival_address on ethereum.arrival (address);
create index arrival_open on ethereum.arrival (height) where deposit_id is null and received_as is null;
create index arrival_block on ethereum.arrival (block_hash) where block_hash is not null;
create index arrival_lost on ethereum.arrival (hash) where height is null;
create index arrival_reversed on ethereum.arrival (height) where is_reversed;

-- What somebody who has the keys sent from our addresses: a part of why a balance changes.
create table ethereum.spending (
    hash       text primary key,                -- of the transaction
    address    text not null references ethereum.address (address),
    wei        numeric(78,0) not null check (wei >= 0),  -- value and fee
    block_hash text not null references ethereum.block (hash),
    height     bigint not null
);
create index spending_address on ethereum.spending (address);
create index spending_block on ethereum.spending (block_hash);

grant select, insert, update on ethereum.address_counter, ethereum.address to cift_ethereum;
grant select, insert, update on ethereum.chain, ethereum.block, ethereum.arrival to cift_ethereum;
grant select, insert, delete on ethereum.spending to cift_ethereum;

set local search_path to ethereum;

\include cift_shared.attempts attempt_tables_1.sql
\include cift_shared lease_table_1.sql

grant select, insert, update on attempt, notice, lease to cift_ethereum;
