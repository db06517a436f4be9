-- A card to be saved and the command for it, or nothing. With an idempotency key ($4 is its route)
-- it is one more row, taken as in accept.sql; without one $4 is null and nothing is remembered.
with latch as materialized (
    select $4::text is null or pg_try_advisory_xact_lock(
        hashtextextended(concat_ws(chr(31), $1::text, $2::boolean, $4, $5::text), 20)
    ) as held
),
fresh as materialized (
    select 1 from latch
    where held and not exists (
        select from gateway.idempotency_key known
        where known.merchant_id = $1 and known.livemode = $2
          and known.route = $4 and known.key_digest = $5
    )
),
saved as (
    insert into gateway.payment_method (
        payment_method_id, merchant_id, livemode, customer_id, method, kind, display, sealed,
        return_url, state, created_at, updated_at
    )
    select $3::uuid, $1, $2, $7::text, $8::text, 'card', $9::text, $10::text,
           $11::text, 'pending', $12::timestamptz, $12
    from fresh
    returning *
),
claimed as (
    insert into gateway.idempotency_key (
        merchant_id, livemode, route, key_digest, request_digest, resource_id, status, location,
        reply, created_at, expires_at
    )
    select $1, $2, $4, $5, $6::text, $3, 201, $13::text, '{}', $12, $14::timestamptz
    from saved where $4 is not null
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $15, $16, $17::jsonb, $18::bytea from saved
)
select latch.held, saved.*
from latch left join saved on true
