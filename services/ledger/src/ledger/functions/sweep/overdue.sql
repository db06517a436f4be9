-- revision: 2 847fc1e2eb294b26
-- Payments for which the worker should have published a result by now, and since when. In
-- `pending`: 30 seconds after acceptance. Later: five minutes after the next check that the worker
-- announced, or after one hour without a result if it announced none.
create or replace function ledger.overdue(p_now timestamptz)
returns table (payment_id uuid, method text, status text, since timestamptz)
language sql stable
set search_path = ledger, pg_temp
set jit = off
as $$
    select p.payment_id, p.method, p.status, limits.since
    from unfinished
    join payment p on p.payment_id = unfinished.payment_id
    cross join lateral (select case
        when p.status = 'pending' and p.next_check_at is null
            then p.heard_at + interval '30 seconds'
        when p.next_check_at is not null then p.next_check_at + interval '5 minutes'
        else p.heard_at + interval '1 hour' end as since) limits
    where p.status in ('pending', 'processing', 'requires_action')
      and limits.since <= p_now
$$;

grant execute on function ledger.overdue(timestamptz) to cift_ledger, cift_operator;
