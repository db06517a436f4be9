-- At most one command per payment in each interval of $4. If the clock was set back, the stored time
-- is in the future: then it does not count.
with accepted as (
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
    select $5, $6, $7::jsonb, $8::bytea from accepted
)
select exists (select from accepted)
