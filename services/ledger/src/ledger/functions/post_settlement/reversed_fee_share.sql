-- revision: 1 641ff3a298e8fe3c
-- The share of a payment's fee that belongs to a reversal of `p_minor`: the share for the total that
-- has gone back so far including this reversal, minus the shares already given. So rounding errors
-- do not accumulate, and a reversal of the rest moves the rest of the fee.
create or replace function ledger.reversed_fee_share(
    p_payment ledger.payment, p_minor numeric, p_gone numeric, p_given numeric
) returns numeric
language sql immutable
-- div(2a + b, 2b) is a / b rounded half up, with integer division only
return greatest(0, div(
        2 * p_payment.fee_minor * least(p_gone + p_minor, p_payment.minor) + p_payment.minor,
        2 * p_payment.minor)
    - p_given);
