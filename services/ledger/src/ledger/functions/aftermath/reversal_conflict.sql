-- revision: 3 d3a59463dc77bf72
-- The reason why this reversal cannot be posted; null if it can.
create or replace function ledger.reversal_conflict(p_told ledger.told, p_payment ledger.payment) returns text
language sql stable
return case
    when (p_told.amount, p_told.currency) is distinct from (p_payment.minor, p_payment.currency)
        then 'reversal_amount_mismatch'
    when exists (
        select from ledger.receipt r
        where r.method = p_payment.rail and r.reference = p_told.provider_reference
          and r.payment_id <> p_payment.payment_id) then 'provider_reference_reused' end;
