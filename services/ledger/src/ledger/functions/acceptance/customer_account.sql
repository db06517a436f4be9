-- revision: 1 ad0303ae33a3d07d
-- The account of a request's customer in a currency; null if it does not exist. `p` has merchant_id,
-- livemode and customer_id.
create or replace function ledger.customer_account(p jsonb, p_currency text) returns bigint
language sql stable
set search_path = ledger, pg_temp
as $$
    select account_id from account
    where tenant = (p->>'merchant_id') || ':' || mode_of((p->>'livemode')::boolean)
      and code = 'customer:' || (p->>'customer_id') || ':' || p_currency
$$;
