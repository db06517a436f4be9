-- Keep the newest report of each process. `since` stays while the reports have the same reason and
-- follow each other within $7.
insert into gateway.rail_status as known
    (rail, instance, available, reason, reported_at, seen_at, since, float_low, network_fees)
select rail, instance, available, reason, least(reported_at, $6::timestamptz), $6, $6,
       string_to_array(float_low, ','), network_fees::jsonb
from unnest($1::text[], $2::text[], $3::boolean[], $4::text[], $5::timestamptz[],
            $8::text[], $9::text[])
     as report (rail, instance, available, reason, reported_at, float_low, network_fees)
order by rail, instance
on conflict (rail, instance) do update
set available = excluded.available,
    reason = excluded.reason,
    reported_at = excluded.reported_at,
    seen_at = excluded.seen_at,
    float_low = excluded.float_low,
    network_fees = excluded.network_fees,
    since = case
        when known.reason is not distinct from excluded.reason
             and known.seen_at >= excluded.seen_at - $7::interval
        then known.since
        else excluded.seen_at
    end
where known.reported_at < excluded.reported_at
