-- Withdrawals: what they pay, the versions of their transactions, the coins that they spend.

-- The next index of change. Its row is locked until a transaction is planned, so plans are made one
-- after the other: no two choose the same coin, and outputs become visible in the order of their ids.
create table bitcoin.change_counter (
    is_single  boolean primary key default true check (is_single),
    next_index bigint not null check (next_index between 0 and 2147483647)
);

create table bitcoin.payout (
    payment_id   uuid primary key,
    script       bytea not null,                 -- of the recipient
    satoshi      bigint not null check (satoshi > 0),
    settled_txid text,                           -- the version that it was settled with
    created_at   timestamptz not null default now()
);

-- One version of a payout's transaction. Each later one spends every input of the first, so at most
-- one of them can be confirmed.
create table bitcoin.spend (
    txid         text primary key,
    payment_id   uuid not null references bitcoin.payout (payment_id),
    version      smallint not null check (version > 0),
    unsigned     bytea not null,
    fee          bigint not null check (fee > 0),
    weight       integer not null check (weight > 0),
    change_index bigint,                         -- null: no change
    sent_at      timestamptz,                    -- stored before the first broadcast
    sent_height  bigint,                         -- our tip then
    block_hash   text references bitcoin.block (hash),
    height       bigint,                         -- where it is in our chain; null: in no block
    created_at   timestamptz not null default now(),
    unique (payment_id, version),
    check ((block_hash is null) = (height is null))
);
create index spend_block on bitcoin.spend (block_hash) where block_hash is not null;
create index spend_unconfirmed on bitcoin.spend (payment_id) where height is null;

create table bitcoin.spend_input (
    spend_txid text not null references bitcoin.spend (txid),
    place      smallint not null,
    txid       text not null,
    vout       bigint not null,
    satoshi    bigint not null check (satoshi > 0),
    chain      smallint not null check (chain in (0, 1)),
    index      bigint not null,
    primary key (spend_txid, place)
);

create table bitcoin.spend_output (
    id         bigint generated always as identity primary key,
    spend_txid text not null references bitcoin.spend (txid),
    vout       smallint not null,
    script     bytea not null,
    satoshi    bigint not null check (satoshi > 0),
    is_change  boolean not null,
    unique (spend_txid, vout)
);
create index spend_output_script on bitcoin.spend_output (script) where is_change;

-- A coin is spent by one payout, for ever: only one that no confirmed version spends is given back.
create table bitcoin.reserved_coin (
    txid       text not null,
    vout       bigint not null,
    payment_id uuid not null references bitcoin.payout (payment_id),
    primary key (txid, vout)
);
create index reserved_coin_payment on bitcoin.reserved_coin (payment_id);

grant select, insert, update on bitcoin.change_counter, bitcoin.payout, bitcoin.spend to cift_bitcoin;
grant select, insert on bitcoin.spend_input, bitcoin.spend_output to cift_bitcoin;
grant select, insert, delete on bitcoin.reserved_coin to cift_bitcoin;
