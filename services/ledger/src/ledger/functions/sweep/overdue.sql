-- revision: 1 fa3452eb09a49cd3
-- Payments the worker should have spoken of by now, and since when. Pending: 30 seconds after
-- acceptance. Later: five minutes after the check it announced, or an hour of silence without one.
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
