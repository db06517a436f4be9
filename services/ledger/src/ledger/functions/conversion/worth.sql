-- revision: 1 dbaf090484e3a964
-- What an amount is worth, in minor units of the other currency, unrounded. Exact: numeric adds
-- digits as products need them, and nothing is divided.
create or replace function ledger.worth(p_minor numeric, p_from text, p_rate numeric, p_to text)
returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select p_minor * given.unit * p_rate * ('1e' || received.exponent)::numeric
    from currency given, currency received
    where given.code = p_from and received.code = p_to
$$;
