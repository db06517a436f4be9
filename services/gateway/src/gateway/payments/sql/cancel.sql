-- The ledger notes the wish (or refuses it); the worker, which knows what was sent, decides.
with asked as materialized (
    select ledger.request_cancel(
        $1::uuid, $2::text, $3::boolean, $8::timestamptz
    ) as status
)
insert into gateway.outbox (topic, key, headers, body)
select $4, $5, $6::jsonb, $7::bytea from asked where status is not null
