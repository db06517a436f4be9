-- Withdrawals in tokens (ERC-20).

alter table ethereum.payout
    add column contract bytea;

comment on column ethereum.payout.contract is 'of the token; null: ether';
comment on column ethereum.payout.wei is 'in the smallest unit of what is paid';

-- The tokens of the account that pays, after the same block as its nonce and its ether.
create table ethereum.hot_token (
    sender   bytea not null references ethereum.hot_account (sender),
    contract bytea not null,
    amount   numeric(78,0) not null check (amount >= 0),
    primary key (sender, contract)
);

-- What a transaction of the account has moved of a token, as the token's log says. A contract can
-- succeed without moving anything, or move less.
create table ethereum.hot_transfer (
    hash     text not null references ethereum.hot_transaction (hash) on delete cascade,
    place    integer not null,                   -- of the log in its transaction
    contract bytea not null,
    account  bytea not null,                     -- of the recipient
    amount   numeric(78,0) not null,
    primary key (hash, place)
);

grant select, insert, update on ethereum.hot_token to cift_ethereum;
grant select, insert on ethereum.hot_transfer to cift_ethereum;
