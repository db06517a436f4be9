-- Store a group of notices, each once; every argument is an array with one element for each notice. No
-- two have the same id. A repeat changes nothing. Exception: if the stored notice was quarantined
-- because of its source address and this repeat comes from an accepted address, the repeat replaces
-- it. Only a notice with disposition `published` is sent to the worker. Returns the ids of those that
-- were not repeats.
with given as materialized (
    select one.*
    from (select
        $1::text[], $2::text[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::boolean[],
        $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::jsonb[], $13::bytea[]
        offset 0  -- hides the arrays' length: else each length would be planned anew
    ) arrays (
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13
    ) cross join unnest(
        a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13
    ) with ordinality as one (
        notice_id, provider, attempt_id, purpose, disposition, source, source_listed, sealed_body,
        received_at, topic, message_key, headers, body, n)
),
seen as (
    insert into gateway.inbox as known (
        notice_id, provider, attempt_id, purpose, disposition, source, source_listed, sealed_body,
        received_at
    )
    select notice_id, provider, attempt_id, purpose, disposition, source, source_listed, sealed_body,
           received_at
    from given
    order by notice_id  -- two groups with the same notices can't deadlock
    on conflict (notice_id) do update
    set disposition = excluded.disposition, source = excluded.source,
        source_listed = excluded.source_listed, received_at = excluded.received_at
    where known.disposition = 'quarantined' and excluded.disposition = 'published'
    returning notice_id, disposition
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select topic, message_key, headers, body
    from given join seen using (notice_id)
    where seen.disposition = 'published'
    order by n
)
select notice_id from seen
