-- Consents of payers to deposits without them, from their approval at PayPal to its end.

set local search_path to paypal;

create table consent (
    payment_method_id uuid primary key,
    merchant_id       text not null,
    livemode          boolean not null,
    customer_id       text not null,
    given_at          timestamptz not null,
    ended_at          timestamptz check (ended_at >= given_at)  -- deleted here, or by its owner
);

grant select, insert, update on consent to cift_paypal;
