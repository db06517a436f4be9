-- Several payouts in one transaction: a signature has the group's id and the sum of its amounts, and
-- what it pays for each payout is here.

create table bitcoin_signer.paid (
    txid       text not null references bitcoin_signer.signature (txid),
    payment_id uuid not null,
    script     bytea not null,
    satoshi    bigint not null check (satoshi > 0),
    primary key (txid, payment_id)
);
create index paid_payment on bitcoin_signer.paid (payment_id);

grant select, insert on bitcoin_signer.paid to cift_bitcoin_signer;
grant select on bitcoin_signer.paid to cift_bitcoin;
