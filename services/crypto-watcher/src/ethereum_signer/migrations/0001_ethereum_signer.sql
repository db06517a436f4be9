-- Schema of the Ethereum signer. It reads what the watcher asks for, and writes its answers here: the
-- watcher writes none of them, and the signer nothing of the watcher's.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_ethereum_signer') then
        create role cift_ethereum_signer nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_ethereum_signer to current_user;

create schema ethereum_signer;
grant usage on schema ethereum_signer to cift_ethereum_signer, cift_ethereum;

-- Whose a nonce is, once something with it is signed: for ever.
create table ethereum_signer.nonce (
    sender     bytea not null,
    nonce      bigint not null,
    payment_id uuid not null unique,
    primary key (sender, nonce)
);

-- What was signed. One row for a version, for ever: the caps are counted from here.
create table ethereum_signer.signature (
    payment_id uuid not null references ethereum_signer.nonce (payment_id),
    version    smallint not null check (version > 0),
    hash       text not null unique,             -- of the signed transaction
    account    bytea not null,                   -- of the recipient
    wei        numeric(78,0) not null check (wei >= 0),
    fee_max    numeric(78,0) not null check (fee_max > 0),
    raw        bytea not null,                   -- the signed transaction
    signed_at  timestamptz not null default now(),
    primary key (payment_id, version)
);
create index signature_signed_at on ethereum_signer.signature (signed_at);

create table ethereum_signer.refusal (
    payment_id uuid not null,
    version    smallint not null,
    reason     text not null,
    refused_at timestamptz not null default now(),
    primary key (payment_id, version)
);

set local search_path to ethereum_signer;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_ethereum_signer;
grant select, insert on nonce, signature, refusal to cift_ethereum_signer;
grant select on signature, refusal, lease to cift_ethereum;

grant usage on schema ethereum to cift_ethereum_signer;
grant select on ethereum.payout, ethereum.spend, ethereum.attempt, ethereum.hot_transaction
    to cift_ethereum_signer;
