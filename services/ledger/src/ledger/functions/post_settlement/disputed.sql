-- revision: 2 e8afc8627ceeb66c
-- The amount that a dispute has taken from its payment, in the payment's currency.
create or replace function ledger.disputed(p_dispute ledger.dispute, p_currency text) returns numeric
language sql immutable
return case
    when p_dispute.withdrawn_minor <= p_dispute.reinstated_minor then 0
    when p_dispute.money_currency = p_currency
        then p_dispute.withdrawn_minor - p_dispute.reinstated_minor
    when p_dispute.currency = p_currency then p_dispute.minor
    else 0 end;
