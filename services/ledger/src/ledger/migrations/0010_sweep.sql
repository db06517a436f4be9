-- The sweeper's work: payments nobody has heard of in time get their command published again.
-- The command is the same message with the same id, so a worker that has it already ignores it.

set local role cift_ledger_owner;

-- Payments the worker should have spoken of by now, and since when. Pending: 30 seconds after
-- acceptance. Later: five minutes after the check it announced, or an hour of silence without one.
create function ledger.overdue(p_now timestamptz)
returns table (payment_id uuid, method text, status text, since timestamptz)
language sql stable
set search_path = ledger, pg_temp
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

-- Publish the commands of up to `p_limit` overdue payments again and answer how many. After each
-- sweep of a payment the next one waits twice as long: from half a minute (five minutes once the
-- payment has left `pending`) to 64 times that. News from the worker starts the count afresh.
create function ledger.sweep(p_now timestamptz, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
as $$
declare
    swept integer;
begin
    with due as (
        select p.payment_id
        from overdue(p_now) o
        join payment p on p.payment_id = o.payment_id
        where p.swept_at is null
           or p.swept_at + power(2, least(p.sweep_count, 6)) * case p.status
                when 'pending' then interval '30 seconds' else interval '5 minutes' end <= p_now
        order by p.created_at
        limit p_limit
        -- a payment that somebody is working on right now is not silent
        for no key update of p skip locked
    ),
    marked as (
        update payment p
        set sweep_count = p.sweep_count + 1, swept_at = p_now
        from due
        where p.payment_id = due.payment_id
        returning p.payment_id, p.method, p.command
    )
    insert into outbox (topic, key, headers, body)
    select 'payments.commands.' || method, payment_id::text, command->'headers',
        convert_to(command->>'body', 'UTF8')
    from marked;
    get diagnostics swept = row_count;
    return swept;
end
$$;

reset role;
