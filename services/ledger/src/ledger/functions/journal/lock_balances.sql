-- revision: 2 b1bf0e02957077b3
-- Lock balances in the order that every writer uses, to prevent deadlocks: customer accounts first,
-- the platform's accounts last, because every writer needs those. Call it once for all accounts of
-- an input, as late as possible.
create or replace function ledger.lock_balances(p_accounts bigint[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    perform 1
    from balance
    where account_id = any (p_accounts)
    order by house, account_id
    for no key update;
end
$$;
