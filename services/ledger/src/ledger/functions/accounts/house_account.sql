-- revision: 2 3be5c3527381a5fa
-- The id of the platform's own account with this code; null if it does not exist.
create or replace function ledger.house_account(p_livemode boolean, p_code text) returns bigint
language sql stable
set search_path = ledger, pg_temp
as $$
    select account_id from account where tenant = house_tenant(p_livemode) and code = p_code
$$;
