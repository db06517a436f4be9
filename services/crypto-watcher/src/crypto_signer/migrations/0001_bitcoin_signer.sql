-- Schema of the Bitcoin signer. It reads what the watcher asks for, and writes its answers here: the
-- watcher writes none of them, and the signer nothing of the watcher's.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_bitcoin_signer') then
        create role cift_bitcoin_signer nologin;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_bitcoin_signer to current_user;

create schema bitcoin_signer;
grant usage on schema bitcoin_signer to cift_bitcoin_signer, cift_bitcoin;

-- What was signed. One row for a transaction, for ever: the caps are counted from here.
create table bitcoin_signer.signature (
    txid       text primary key,
    payment_id uuid not null,
    version    smallint not null check (version > 0),
    script     bytea not null,                   -- of the recipient
    satoshi    bigint not null check (satoshi > 0),
    fee        bigint not null check (fee > 0),
    inputs     text[] not null,
    raw        bytea not null,                   -- the signed transaction
    signed_at  timestamptz not null default now(),
    unique (payment_id, version)
);
create index signature_signed_at on bitcoin_signer.signature (signed_at);

create table bitcoin_signer.refusal (
    txid       text primary key,
    payment_id uuid not null,
    reason     text not null,
    refused_at timestamptz not null default now()
);

set local search_path to bitcoin_signer;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_bitcoin_signer;
grant select, insert on signature, refusal to cift_bitcoin_signer;
grant select on signature, refusal, lease to cift_bitcoin;

grant usage on schema bitcoin to cift_bitcoin_signer;
grant select on bitcoin.payout, bitcoin.spend, bitcoin.spend_input, bitcoin.attempt
    to cift_bitcoin_signer;
