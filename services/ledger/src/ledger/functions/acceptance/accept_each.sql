-- revision: 2 82e8c5dd1403892b
-- Judge requests of one kind in one transaction, each as `accept_or_refuse` judges it alone: what one
-- of them does is seen by those after it, and a refused one leaves nothing behind. Returns the outcome
-- of each, in order; every array has one element for each request.
--
-- Several requests wait for no balance or payment of a customer. One that needs such a row while
-- another transaction has it locked has the outcome null; the caller passes it alone later. A single
-- request waits. All locks are taken at the start in the order of every writer (see lock_balances),
-- so two groups can't deadlock.
create or replace function ledger.accept_each(p_function text, p_requests jsonb[], p_refusals jsonb[])
returns jsonb[]
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    outcomes jsonb[];
    is_locked boolean[];
begin
    if cardinality(p_requests) = 1 then
        return array[accept_or_refuse(p_function, p_requests[1], p_refusals[1])];
    end if;
    is_locked := case p_function
        when 'accept_payment' then lock_for_payments(p_requests)
        when 'accept_refund' then lock_for_refunds(p_requests)
        when 'convert' then lock_for_conversions(p_requests)
    end;
    if p_function = 'accept_payment' then
        perform accept_deposits(array(
            select p from unnest(p_requests) with ordinality as given (p, n)
            where p->>'type' = 'deposit' order by n));
    end if;
    for n in 1 .. cardinality(p_requests) loop
        outcomes[n] := case
            when p_function = 'accept_payment' and p_requests[n]->>'type' = 'deposit' then
                '{"terms": {}}'
            when is_locked[n] then accept_or_refuse(p_function, p_requests[n], p_refusals[n])
        end;
    end loop;
    return outcomes;
end
$$;

grant execute on function ledger.accept_each(text, jsonb[], jsonb[]) to cift_gateway;
