-- One acceptance: idempotency key, what is accepted (through the ledger's own function) and the
-- command, if there is one; or nothing. The latch turns a concurrent request with the same key away
-- at once; a request that slipped in between latch and snapshot fails on the primary key and changes
-- nothing.
with latch as materialized (
    select pg_try_advisory_xact_lock(
        hashtextextended(concat_ws(chr(31), $1::text, $2::boolean, $3::text, $4::text), 20)
    ) as held
),
fresh as materialized (
    select 1 from latch
    where held and not exists (
        select from gateway.idempotency_key known
        where known.merchant_id = $1 and known.livemode = $2
          and known.route = $3 and known.key_digest = $4
    )
),
accepted as materialized (
    select {accept}($6::jsonb)::text as terms from fresh
),
claimed as (
    insert into gateway.idempotency_key (
        merchant_id, livemode, route, key_digest, request_digest, resource_id, status, location,
        reply, created_at, expires_at
    )
    select $1, $2, $3, $4, $5, $7::uuid, $12::smallint, $8,
           $9::jsonb || coalesce(nullif(terms, '')::jsonb, '{}'), $10::timestamptz, $11::timestamptz
    from accepted
    returning reply
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $13, $14, $15::jsonb, $16::bytea from claimed where $13::text is not null
)
select latch.held, claimed.reply
from latch left join claimed on true
