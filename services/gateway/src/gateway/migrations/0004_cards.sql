-- Saved cards: kept at the provider, known here by its sealed id and by what may be shown of it.

-- A card is nothing yet when it is asked for: the worker's answers fill the row in.
alter table gateway.payment_method
    drop constraint payment_method_kind_check,
    drop constraint payment_method_merchant_id_livemode_customer_id_method_fing_key,
    alter column sealed drop not null,
    alter column country drop not null,
    alter column fingerprint drop not null,
    add column state text not null default 'active' check (
        state in ('pending', 'requires_action', 'active', 'failed', 'detached')),
    add column card jsonb,               -- brand, last4, exp_month, exp_year: never more
    add column customer_sealed text,     -- the provider's id of its owner
    add column next_action jsonb,        -- secrets in it are sealed
    add column failure jsonb,
    add column return_url text,
    add column attempt_id uuid,          -- whose answers are counted by seq
    add column seq integer not null default 0,
    add column updated_at timestamptz,
    add column detached_at timestamptz,  -- asked for by the merchant, or told by the provider
    add column forgotten_at timestamptz, -- confirmed by the provider: nothing of it is left there
    add constraint payment_method_kind check (kind in ('phone', 'card')),
    add constraint payment_method_phone_is_whole check (
        kind <> 'phone' or num_nulls(sealed, country, fingerprint) = 0),
    add constraint payment_method_active_is_usable check (state <> 'active' or sealed is not null),
    add constraint payment_method_detached_has_time check (
        (state = 'detached') = (detached_at is not null));

-- A phone is kept once. A card may be entered twice: the provider keeps two, so do we.
create unique index payment_method_phone_once on gateway.payment_method
    (merchant_id, livemode, customer_id, method, fingerprint) where kind = 'phone';

create index payment_method_forgotten on gateway.payment_method (forgotten_at)
    where forgotten_at is not null;
