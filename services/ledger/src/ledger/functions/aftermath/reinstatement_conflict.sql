-- revision: 1 0ab2b58f1b151dd9
-- The reason why this reinstatement cannot be posted; null if it can. `p_reversal` is the reversal
-- that it names.
create or replace function ledger.reinstatement_conflict(
    p_told ledger.told, p_payment ledger.payment, p_reversal ledger.ledger_tx
) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when p_reversal.tx_id is null then 'reinstatement_without_reversal'
        when (p_told.amount, p_told.currency)
            is distinct from (reversed_by(p_payment, p_reversal), p_payment.currency)
            then 'reinstatement_amount_mismatch'
        when belongs_to_another(p_payment, p_told.provider_reference)
            then 'provider_reference_reused' end
$$;
