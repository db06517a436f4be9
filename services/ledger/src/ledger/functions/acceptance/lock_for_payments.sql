-- revision: 2 c332d031ae133b3d
-- Open the accounts of deposits and withdrawals, then lock the balances on which the withdrawals
-- reserve their amounts. Returns for each request whether it has its lock; it waits for none.
create or replace function ledger.lock_for_payments(p_requests jsonb[]) returns boolean[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    payers bigint[];
    locked bigint[];
begin
    perform open_account(needed.tenant, needed.code)
    from (
        select distinct account.turn, account.tenant, account.code
        from unnest(p_requests) as given (p)
        cross join lateral (select
            house_tenant((p->>'livemode')::boolean) as house,
            (p->>'merchant_id') || ':' || mode_of((p->>'livemode')::boolean) as merchant,
            coalesce(p->>'rail', p->>'method') || ':' || (p->>'currency') as books) named
        cross join lateral (values
            (1, named.house, 'fees:' || named.books),
            (1, named.house, source_account(
                p->'pricing', coalesce(p->>'rail', p->>'method'), p->>'currency')),
            (2, case p->>'fee_bearer' when 'merchant' then named.merchant end,
                'merchant:' || (p->>'currency')),
            (3, named.merchant, 'customer:' || (p->>'customer_id') || ':' || (p->>'currency'))
        ) account (turn, tenant, code)
        where account.tenant is not null
        order by account.turn, account.tenant, account.code
    ) needed;
    payers := array(
        select case p->>'type' when 'withdrawal' then customer_account(p, p->>'currency') end
        from unnest(p_requests) with ordinality as given (p, n) order by n);
    locked := lock_unlocked(payers);
    return array(
        select payer is null or payer = any (locked)
        from unnest(payers) with ordinality as given (payer, n) order by n);
end
$$;
