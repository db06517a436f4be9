-- One command for each payment in $4 at most. A clock that was put back must not hold it up for longer.
with asked as (
    insert into gateway.verification as last (payment_id, reference_mark, requested_at)
    values ($1::uuid, $2::text, $3::timestamptz)
    on conflict (payment_id) do update
    set reference_mark = excluded.reference_mark, requested_at = excluded.requested_at
    where excluded.requested_at not between last.requested_at
                                        and last.requested_at + $4::interval
    returning payment_id
),
queued as (
    insert into gateway.outbox (topic, key, headers, body)
    select $5, $6, $7::jsonb, $8::bytea from asked
)
select exists (select from asked)
