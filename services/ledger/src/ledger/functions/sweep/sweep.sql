-- revision: 3 bf1466ae13bdf776
-- The sweeper: publish the command again for payments without a result in time. It is the same
-- message with the same id, so a worker that has stored it already ignores it.
--
-- Publish the commands of up to `p_limit` overdue payments again and return the number. After each
-- sweep of a payment the interval to the next one doubles: from half a minute (five minutes once
-- the payment has left `pending`) up to 64 times that. A result from the worker resets the count.
create or replace function ledger.sweep(p_now timestamptz, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
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
        -- a payment that another transaction has locked is being processed
        for no key update of p skip locked
    ),
    marked as (
        update payment p
        set sweep_count = p.sweep_count + 1, swept_at = p_now
        from due
        where p.payment_id = due.payment_id
        returning p.payment_id, p.rail, p.command
    )
    insert into outbox (topic, key, headers, body)
    select 'payments.commands.' || rail, payment_id::text, command->'headers',
        convert_to(command->>'body', 'UTF8')
    from marked;
    get diagnostics swept = row_count;
    return swept;
end
$$;

grant execute on function ledger.sweep(timestamptz, integer) to cift_ledger;
