-- revision: 1 b4f93b5dbdba133a
-- Lock balances in the one order of all writers: customers first, ours last, for everybody waits
-- for those. Call it once for all accounts of an input, as late as possible.
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
