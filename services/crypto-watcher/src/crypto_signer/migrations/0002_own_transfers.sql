-- Transfers between our own addresses are signed, too: an answer is for a payment or for a transfer.

alter table bitcoin_signer.signature
    alter column payment_id drop not null,
    add column transfer_id uuid unique,
    add constraint signature_owner check (num_nonnulls(payment_id, transfer_id) = 1);
create index signature_inputs on bitcoin_signer.signature using gin (inputs);

alter table bitcoin_signer.refusal
    alter column payment_id drop not null,
    add column transfer_id uuid,
    add constraint refusal_owner check (num_nonnulls(payment_id, transfer_id) = 1);

grant select on bitcoin.own_transfer to cift_bitcoin_signer;
