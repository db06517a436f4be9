-- Transfers between our own addresses: a sweep to the cold address, which an operator signs, and a
-- consolidation of small coins, which the signer signs. They use the tables of payouts for their
-- transaction and its coins; a spend or a reserved coin belongs to a payout or to a transfer.

create table bitcoin.own_transfer (
    transfer_id uuid primary key,
    purpose     text not null check (purpose in ('sweep', 'consolidation')),
    psbt        text,                            -- of a sweep: what the operator signs
    expires_at  timestamptz,                     -- of a sweep: then its coins are given back
    seen_at     timestamptz,                     -- first seen in a mempool: its coins stay reserved
    released_at timestamptz,                     -- when its coins were given back
    charged_at  timestamptz,                     -- when its fee was reported to the ledger
    created_at  timestamptz not null default now(),
    check ((purpose = 'sweep') = (psbt is not null and expires_at is not null))
);
create index own_transfer_open on bitcoin.own_transfer (created_at) where charged_at is null;

alter table bitcoin.spend
    alter column payment_id drop not null,
    add column transfer_id uuid references bitcoin.own_transfer (transfer_id),
    add constraint spend_transfer unique (transfer_id, version),
    add constraint spend_owner check (num_nonnulls(payment_id, transfer_id) = 1);

alter table bitcoin.reserved_coin
    alter column payment_id drop not null,
    add column transfer_id uuid references bitcoin.own_transfer (transfer_id),
    add constraint reserved_coin_owner check (num_nonnulls(payment_id, transfer_id) = 1);
create index reserved_coin_transfer on bitcoin.reserved_coin (transfer_id);

create index spend_input_coin on bitcoin.spend_input (txid, vout);

grant select, insert, update on bitcoin.own_transfer to cift_bitcoin;
