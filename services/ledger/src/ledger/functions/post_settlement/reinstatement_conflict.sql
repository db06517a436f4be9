-- revision: 2 1422e59c7a98d46b
-- The reason why this reinstatement cannot be posted; null if it can. `p_reversal` is the reversal
-- that it names.
create or replace function ledger.reinstatement_conflict(
    p_result ledger.result_row, p_payment ledger.payment, p_reversal ledger.ledger_tx
) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when p_reversal.tx_id is null then 'reinstatement_without_reversal'
        when (p_result.amount, p_result.currency)
            is distinct from (reversed_by(p_payment, p_reversal), p_payment.currency)
            then 'reinstatement_amount_mismatch'
        when belongs_to_another(p_payment, p_result.provider_reference)
            then 'provider_reference_reused' end
$$;
