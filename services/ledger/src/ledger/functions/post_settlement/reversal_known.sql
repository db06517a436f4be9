-- revision: 3 24756fe388d40112
-- The posting of the reversal that a result reports again; null if it reports a new one. A result
-- without `reversal_reference`, as earlier releases of the workers send it, reports that the whole
-- payment was reversed: such a reversal is posted once, whatever the provider's reference is.
create or replace function ledger.reversal_known(p_result ledger.result_row, p_payment ledger.payment)
returns ledger.ledger_tx
language sql stable
set search_path = ledger, pg_temp
as $$
    select coalesce(
        reversal_named(p_payment,
            coalesce(p_result.detail->>'reversal_reference', p_result.provider_reference)),
        (select tx from ledger_tx tx
         where p_result.detail->>'reversal_reference' is null
           and tx.kind = 'reversal' and tx.ref = p_payment.payment_id::text))
$$;
