-- revision: 1 03f412b23d3fba9c
-- Our account of that code; null when nobody has made it.
create or replace function ledger.house_account(p_livemode boolean, p_code text) returns bigint
language sql stable
set search_path = ledger, pg_temp
as $$
    select account_id from account where tenant = house_tenant(p_livemode) and code = p_code
$$;
