-- revision: 2 301713f975aa3fb3
-- Convert an amount to minor units of the other currency, without rounding. The result is exact:
-- numeric adds the digits that a product needs, and nothing is divided.
create or replace function ledger.worth(p_minor numeric, p_from text, p_rate numeric, p_to text)
returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select p_minor * given.unit * p_rate * ('1e' || received.exponent)::numeric
    from currency given, currency received
    where given.code = p_from and received.code = p_to
$$;
