-- revision: 1 f31709cbbd279b80
-- Open the accounts of conversions, then lock their balances. Returns for each request whether it has
-- its locks. It does not wait for balances of customers, but for the platform's own: every conversion
-- needs those, and another group has them only until its commit.
create or replace function ledger.lock_for_conversions(p_requests jsonb[]) returns boolean[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    locked bigint[];
    is_locked boolean[];
begin
    perform open_account(needed.tenant, needed.code)
    from (
        select distinct account.turn, account.tenant, account.code
        from unnest(p_requests) as given (p)
        cross join lateral (select
            house_tenant((p->>'livemode')::boolean) as house,
            (p->>'merchant_id') || ':' || mode_of((p->>'livemode')::boolean) as merchant,
            'customer:' || (p->>'customer_id') || ':' as customer) named
        cross join lateral (values
            (1, named.house, 'liquidity:' || (p->>'from_currency')),
            (1, named.house, 'liquidity:' || (p->>'to_currency')),
            (1, named.house, 'rounding:' || (p->>'to_currency')),
            (2, named.merchant, named.customer || (p->>'from_currency')),
            (2, named.merchant, named.customer || (p->>'to_currency'))
        ) account (turn, tenant, code)
        order by account.turn, account.tenant, account.code
    ) needed;
    locked := lock_unlocked(array(
        select customer_account(p, currency)
        from unnest(p_requests) as given (p)
        cross join lateral (values (p->>'from_currency'), (p->>'to_currency')) both_of (currency)));
    is_locked := array(
        select customer_account(p, p->>'from_currency') = any (locked)
           and customer_account(p, p->>'to_currency') = any (locked)
        from unnest(p_requests) with ordinality as given (p, n) order by n);
    perform lock_balances(array(
        select house_account((p->>'livemode')::boolean, code)
        from unnest(p_requests, is_locked) as given (p, has_all)
        cross join lateral (values
            ('liquidity:' || (p->>'from_currency')),
            ('liquidity:' || (p->>'to_currency')),
            ('rounding:' || (p->>'to_currency'))) own (code)
        where has_all));
    return is_locked;
end
$$;
