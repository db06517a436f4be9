-- Accept a group of requests in one statement; every argument is an array with one element for each
-- request. No two requests of a group have the same key. Each feature (payment, refund, ...)
-- inserts its own part, which ends in a CTE `decided` with an `outcome` for the requests in `fresh`:
-- `terms`, or `refused` with the SQLSTATE of a refusal, or null for a request that needs a row which
-- another transaction has locked (never if the group is one request). The statement then writes for
-- each request one of:
--
--   - accepted: the idempotency key with its reply, and the command if there is one (topic not null)
--   - refused: the idempotency key with the refusal; `refusals` maps each SQLSTATE to its HTTP answer
--   - nothing, if another request has this key, or the outcome is null (busy)
--
-- `held` is an advisory lock: a concurrent request with the same key returns at once with
-- held = false. If another request with the key commits between this statement's snapshot and its
-- lock, `fresh` does not see that key; the insert then fails on the primary key and nothing changes.
with latch as materialized (
    select given.*, pg_try_advisory_xact_lock(
        hashtextextended(concat_ws(chr(31), merchant_id, livemode, route, key_digest), 20)
    ) as held
    from (select
        $1::text[], $2::boolean[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[],
        $8::text[], $9::jsonb[], $10::timestamptz[], $11::timestamptz[], $12::smallint[],
        $13::text[], $14::text[], $15::jsonb[], $16::bytea[], $17::jsonb[]
        offset 0  -- hides the arrays' length: else each length would be planned anew
    ) arrays (
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17
    ) cross join unnest(
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17
    ) with ordinality as given (
        merchant_id, livemode, route, key_digest, request_digest, resource, resource_id, location,
        reply, created_at, expires_at, status, topic, message_key, headers, body, refusals, n)
),
fresh as materialized (
    select latch.* from latch
    -- with a limit, each key is looked up by the primary key, however old the plan is
    left join lateral (
        select true as is_stored from gateway.idempotency_key known
        where known.merchant_id = latch.merchant_id and known.livemode = latch.livemode
          and known.route = latch.route and known.key_digest = latch.key_digest
        limit 1
    ) earlier on true
    where held and is_stored is null
),
{write},
evaluated as materialized (
    select fresh.*, outcome->'terms' as terms, refusals->(outcome->>'refused') as refusal
    from fresh join decided using (n)
    where outcome is not null
),
claimed as (
    insert into gateway.idempotency_key (
        merchant_id, livemode, route, key_digest, request_digest, resource_id, location, status,
        reply, created_at, expires_at
    )
    select merchant_id, livemode, route, key_digest, request_digest,
           case when refusal is null then resource_id end,
           case when refusal is null then location end,
           coalesce((refusal->>'status')::smallint, status), coalesce(refusal, reply || terms),
           created_at, expires_at
    from evaluated order by n
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select topic, message_key, headers, body from evaluated
    where topic is not null and refusal is null
    order by n
)
select latch.held, decided.n is not null and decided.outcome is null as is_busy,
       coalesce((refusal->>'status')::smallint, evaluated.status) as status,
       coalesce(refusal, evaluated.reply || terms) as reply
from latch
left join decided using (n)
left join evaluated using (n)
order by latch.n
