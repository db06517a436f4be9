-- Store a notice once; a repeat changes nothing. Exception: if the stored notice was quarantined
-- because of its source address and this repeat comes from an accepted address, the repeat replaces
-- it. Only a notice with disposition `published` is sent to the worker.
with seen as (
    insert into gateway.inbox as known (
        notice_id, provider, attempt_id, purpose, disposition, source, source_listed, sealed_body,
        received_at
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (notice_id) do update
    set disposition = excluded.disposition, source = excluded.source,
        source_listed = excluded.source_listed, received_at = excluded.received_at
    where known.disposition = 'quarantined' and excluded.disposition = 'published'
    returning disposition
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $10, $11, $12::jsonb, $13::bytea from seen where disposition = 'published'
)
select count(*) from seen
