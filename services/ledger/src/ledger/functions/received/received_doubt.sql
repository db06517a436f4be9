-- revision: 1 4dbcb7203fa7685f
-- Why money that no command asked for cannot be credited yet; null if it can.
create or replace function ledger.received_doubt(p_payment ledger.payment) returns text
language sql immutable
return case
    when p_payment.merchant_id = 'house' then 'owner_unknown'
    when p_payment.fee_minor is null then 'fee_unknown'
    when p_payment.fee_minor >= p_payment.minor then 'amount_within_fee' end;
