-- Request a cancellation: the ledger stores the request (or refuses it) and the command goes to the
-- worker. The worker decides, because only the worker knows whether the provider already has the
-- payment.
with requested as materialized (
    select ledger.request_cancel_2(
        $1::uuid, $2::text, $3::boolean, $9::boolean, $8::timestamptz
    ) as status
)
insert into gateway.outbox (topic, key, headers, body)
select $4, $5, $6::jsonb, $7::bytea from requested where status is not null
