-- revision: 1 02f4aad239c36d07
-- An amount as people read it.
create or replace function ledger.amount_text(p_minor numeric, p_currency text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select (p_minor * unit)::text || ' ' || p_currency from currency where code = p_currency
$$;
