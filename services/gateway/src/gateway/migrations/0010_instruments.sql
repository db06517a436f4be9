-- Saved methods of any rail: what may be shown of them is one map, and any kind can be kept here.

alter table gateway.payment_method
    drop constraint payment_method_kind,
    drop constraint payment_method_phone_is_whole,
    add column public jsonb,                            -- as the API shows it; null in older rows
    add column kept_here boolean not null default false, -- false: the provider keeps it
    add constraint payment_method_kept_is_whole check (
        not kept_here or num_nulls(sealed, fingerprint) = 0);

-- Only phones were kept here so far.
update gateway.payment_method set kept_here = true where kind = 'phone';

-- An instrument that is kept here is kept once. Gateways of the release before still save phones
-- while this release is rolled out: their rows are unique by the same index.
drop index gateway.payment_method_phone_once;
create unique index payment_method_kept_once on gateway.payment_method
    (merchant_id, livemode, customer_id, method, fingerprint) where kept_here or kind = 'phone';
