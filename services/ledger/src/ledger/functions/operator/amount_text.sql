-- revision: 3 75aa5e9ff2620a84
-- An amount in major units with its currency, for messages to operators.
create or replace function ledger.amount_text(p_minor numeric, p_currency text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select (p_minor * unit)::text || ' ' || p_currency from currency where code = p_currency
$$;
