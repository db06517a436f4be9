-- Accept one request in one statement. Each feature (payment, refund, ...) inserts its own part, which
-- ends in a CTE `decided` with one `outcome`: either `terms`, or `refused` with the SQLSTATE of
-- a refusal. The statement then writes one of:
--
--   - accepted: the idempotency key with its reply, and the command if there is one ($13 not null)
--   - refused: the idempotency key with the refusal; $17 maps each SQLSTATE to its HTTP answer
--   - nothing, if another request has this key
--
-- `latch` is an advisory lock: a concurrent request with the same key returns at once with
-- held = false. If another request with the key commits between this statement's snapshot and its
-- lock, `fresh` does not see that key; the insert then fails on the primary key and nothing changes.
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
{write},
evaluated as (
    select outcome->'terms' as terms, $17::jsonb->(outcome->>'refused') as refusal from decided
),
claimed as (
    insert into gateway.idempotency_key (
        merchant_id, livemode, route, key_digest, request_digest, resource_id, location, status,
        reply, created_at, expires_at
    )
    select $1, $2, $3, $4, $5, case when refusal is null then $7::uuid end,
           case when refusal is null then $8::text end,
           coalesce((refusal->>'status')::smallint, $12::smallint),
           coalesce(refusal, $9::jsonb || terms), $10::timestamptz, $11::timestamptz
    from evaluated
    returning status, reply
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $13, $14, $15::jsonb, $16::bytea from claimed
    where $13::text is not null and claimed.status < 300
)
select latch.held, claimed.status, claimed.reply
from latch left join claimed on true
