-- A notice is kept once; a repeat changes nothing. Only what may act leaves for the worker.
with seen as (
    insert into gateway.inbox (
        notice_id, provider, attempt_id, purpose, disposition, source, source_listed, sealed_body,
        received_at
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (notice_id) do nothing
    returning disposition
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $10, $11, $12::jsonb, $13::bytea from seen where disposition = 'published'
)
select count(*) from seen
