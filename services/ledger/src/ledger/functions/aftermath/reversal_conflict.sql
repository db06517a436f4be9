-- revision: 3 97e9c3c040817c12
-- The reason why this reversal cannot be posted; null if it can, or if it was posted before. A result
-- without `reversal_reference` reports that the whole payment was reversed.
create or replace function ledger.reversal_conflict(p_told ledger.told, p_payment ledger.payment) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select case
        when p_told.currency is distinct from p_payment.currency
            or p_told.amount is null or p_told.amount <= 0
            or p_told.detail->>'reversal_reference' is null and p_told.amount <> p_payment.minor
            or p_told.amount <> reversed_by(p_payment, known)
            then 'reversal_amount_mismatch'
        when belongs_to_another(p_payment, p_told.provider_reference)
            then 'provider_reference_reused'
        when (known).tx_id is null and p_payment.reversed_minor + p_told.amount > p_payment.minor
            then 'reversal_exceeds_payment' end
    from (select reversal_known(p_told, p_payment)) reversal (known)
$$;
