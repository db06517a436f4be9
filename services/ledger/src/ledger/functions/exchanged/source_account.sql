-- revision: 1 e2f82bbaddbc7a0b
-- The code of the account that a payment's money comes from: what the provider holds for us. A
-- payment that is paid in another currency takes its amount from our own money in its currency; what
-- the provider then holds is booked beside it (exchange_legs).
create or replace function ledger.source_account(p_pricing jsonb, p_rail text, p_currency text) returns text
language sql immutable
return case when ledger.paid_in(p_pricing) is null then 'provider:' || p_rail || ':' || p_currency
    else 'liquidity:' || p_currency end;
