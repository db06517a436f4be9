-- revision: 1 b4c5d237bb0d9ad4
-- The currency that payers of this payment pay in, if it is not the payment's own; otherwise null.
create or replace function ledger.paid_in(p_pricing jsonb) returns text
language sql immutable
return p_pricing #>> '{exchange,currency}';

grant execute on function ledger.paid_in(jsonb) to cift_ledger, cift_operator;
