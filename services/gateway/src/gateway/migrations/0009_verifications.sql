-- When a merchant last asked for a payment to be looked at: the provider is not asked more often than
-- every few seconds on a merchant's wish.
create table gateway.verification (
    payment_id     uuid primary key,
    reference_mark text,                 -- keyed hash of the reference they brought; null: none
    requested_at   timestamptz not null
);

create index verification_requested_at on gateway.verification (requested_at);

grant select, insert, update, delete on gateway.verification to cift_gateway;
