-- revision: 1 e1858af42ac1ecd5
-- Lock those balances that no other transaction has locked, in the order of `lock_balances`, and
-- return their accounts. It waits for none.
create or replace function ledger.lock_unlocked(p_accounts bigint[]) returns bigint[]
language sql volatile
set search_path = ledger, pg_temp
as $$
    select coalesce(array_agg(account_id), '{}')
    from (
        select account_id
        from balance
        where account_id = any (p_accounts)
        order by house, account_id
        for no key update skip locked
    ) in_order
$$;
