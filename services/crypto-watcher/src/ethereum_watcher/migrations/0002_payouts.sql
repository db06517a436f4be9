-- Withdrawals: the account that pays them, what they pay, the versions of their transactions, and
-- the account's transactions in the chain.

-- The account as the chain has it after a block of ours. Its row is locked while a transaction is
-- planned, so plans are made one after the other: no two get the same nonce, or the same ether.
create table ethereum.hot_account (
    sender      bytea primary key,               -- its 20 bytes
    height      bigint not null check (height >= 0),
    chain_nonce bigint not null check (chain_nonce >= 0),  -- the first that no block has
    wei         numeric(78,0) not null check (wei >= 0)
);

create table ethereum.payout (
    payment_id   uuid primary key,
    sender       bytea not null references ethereum.hot_account (sender),
    account      bytea not null,                 -- of the recipient
    wei          numeric(78,0) not null check (wei >= 0),
    is_filler    boolean not null,               -- pays nothing to ourselves: it uses a nonce up
    nonce        bigint check (nonce >= 0),      -- null: given back, because nothing was signed
    settled_hash text,                           -- the version that it ended with
    has_failed   boolean not null default false, -- it ended without moving anything
    created_at   timestamptz not null default now(),
    unique (sender, nonce),
    check (is_filler = (wei = 0)),
    check (is_filler = (account = sender))
);

-- One version of a payout's transaction. All of them have its nonce, so one of them can be confirmed.
create table ethereum.spend (
    payment_id  uuid not null references ethereum.payout (payment_id),
    version     smallint not null check (version > 0),
    unsigned    bytea not null,
    gas         bigint not null check (gas >= 21000),
    max_fee     numeric(78,0) not null check (max_fee > 0),   -- wei per gas
    tip         numeric(78,0) not null check (tip between 0 and max_fee),
    sent_at     timestamptz,                     -- stored before the first broadcast
    sent_height bigint,                          -- our tip then
    created_at  timestamptz not null default now(),
    primary key (payment_id, version)
);

-- Every transaction of the account in our chain, of whoever has its key.
create table ethereum.hot_transaction (
    hash       text primary key,
    sender     bytea not null,
    nonce      bigint not null,
    block_hash text not null references ethereum.block (hash),
    height     bigint not null,
    succeeded  boolean not null,                 -- false: it moved nothing and cost its fee
    fee        numeric(78,0) not null check (fee >= 0),
    is_told    boolean not null default false    -- true: not ours, and an alarm was raised
);
create index hot_transaction_nonce on ethereum.hot_transaction (sender, nonce);
create index hot_transaction_block on ethereum.hot_transaction (block_hash);

grant select, insert, update on ethereum.hot_account, ethereum.payout, ethereum.spend to cift_ethereum;
grant select, insert, update, delete on ethereum.hot_transaction to cift_ethereum;
