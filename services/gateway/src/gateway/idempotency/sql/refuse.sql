-- Store the idempotency key with a refusal that the gateway has decided itself, or nothing if the
-- key exists. `latch` takes the same advisory lock as accept.sql, so a refusal and an acceptance of
-- one key exclude each other.
with latch as materialized (
    select pg_try_advisory_xact_lock(
        hashtextextended(concat_ws(chr(31), $1::text, $2::boolean, $3::text, $4::text), 20)
    ) as held
),
claimed as (
    insert into gateway.idempotency_key (
        merchant_id, livemode, route, key_digest, request_digest, status, reply, created_at,
        expires_at
    )
    select $1, $2, $3, $4, $5::text, $6::smallint, $7::jsonb, $8::timestamptz, $9::timestamptz
    from latch where held
    on conflict do nothing
    returning status, reply
)
select latch.held, claimed.status, claimed.reply
from latch left join claimed on true
