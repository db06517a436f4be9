-- The part of idempotency/sql/accept.sql that saves a card; the database refuses none.
saved as (
    insert into gateway.payment_method (
        payment_method_id, merchant_id, livemode, customer_id, method, kind, display, sealed,
        return_url, state, created_at, updated_at
    )
    select card.payment_method_id, card.merchant_id, card.livemode, card.customer_id, card.method,
           card.kind, card.display, card.sealed, card.return_url, card.state, card.created_at,
           card.created_at
    from fresh, jsonb_populate_record(null::gateway.payment_method, $6::jsonb) card
    returning payment_method_id
),
decided as (
    select '{"terms": {}}'::jsonb as outcome from saved
)
