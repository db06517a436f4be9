-- revision: 2 7500f928dcfd04d9
-- An amount in major units with its currency, for people.
create or replace function ledger.amount_text(p_minor numeric, p_currency text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select (p_minor * unit)::text || ' ' || p_currency from currency where code = p_currency
$$;
