-- revision: 1 793fba9c08fe82f8
-- Lock the deposits of refunds, then the balances that are debited. Returns for each request whether
-- it has its locks; it waits for none. A deposit that does not exist counts as not locked.
create or replace function ledger.lock_for_refunds(p_requests jsonb[]) returns boolean[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    deposits uuid[] := array(
        select (p->>'parent_payment_id')::uuid
        from unnest(p_requests) with ordinality as given (p, n) order by n);
    locked_deposits uuid[];
    payers bigint[];
    locked bigint[];
begin
    locked_deposits := array(
        select payment_id from payment
        where payment_id = any (deposits)
        order by payment_id
        for no key update skip locked);
    payers := array(
        select (select customer_account_id from payment
                where payment_id = deposit and deposit = any (locked_deposits))
        from unnest(deposits) with ordinality as given (deposit, n) order by n);
    locked := lock_unlocked(payers);
    return array(
        select coalesce(payer = any (locked), false)
        from unnest(payers) with ordinality as given (payer, n) order by n);
end
$$;
