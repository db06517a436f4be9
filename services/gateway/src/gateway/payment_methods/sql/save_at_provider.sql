-- The part of idempotency/sql/accept.sql that stores methods which the provider will save. The
-- database never refuses one.
saved as (
    insert into gateway.payment_method (
        payment_method_id, merchant_id, livemode, customer_id, method, rail, kind, display, sealed,
        return_url, state, created_at, updated_at
    )
    select given.payment_method_id, given.merchant_id, given.livemode, given.customer_id, given.method,
           given.rail, given.kind, given.display, given.sealed, given.return_url, given.state, given.created_at,
           given.created_at
    from fresh, jsonb_populate_record(null::gateway.payment_method, fresh.resource) given
    order by fresh.n
    returning payment_method_id
),
decided as (
    select fresh.n, '{"terms": {}}'::jsonb as outcome
    from fresh join saved on saved.payment_method_id = fresh.resource_id
)
