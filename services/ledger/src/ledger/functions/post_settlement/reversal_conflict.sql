-- revision: 5 a6b9d9f540164ff2
-- The reason why this reversal cannot be posted; null if it can, or if it was posted before. A result
-- without `reversal_reference` reports that the whole payment was reversed.
create or replace function ledger.reversal_conflict(p_result ledger.result_row, p_payment ledger.payment) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when p_result.currency is distinct from p_payment.currency
            or p_result.amount is null or p_result.amount <= 0
            or p_result.detail->>'reversal_reference' is null and p_result.amount <> p_payment.minor
            or p_result.amount <> reversed_by(p_payment, known)
            then 'reversal_amount_mismatch'
        when (known).tx_id is null and exchange_gone(p_payment, exchanged_of(p_result.detail))
            then 'reversal_exchange_mismatch'
        when belongs_to_another(p_payment, p_result.provider_reference)
            then 'provider_reference_reused'
        when (known).tx_id is null and p_payment.reversed_minor + p_result.amount > p_payment.minor
            then 'reversal_exceeds_payment' end
    from (select reversal_known(p_result, p_payment)) reversal (known)
$$;
