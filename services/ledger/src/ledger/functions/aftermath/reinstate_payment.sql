-- revision: 2 bbcc13942c508043
-- Reinstate one reversal of a completed payment: post it with opposite signs. The result names the
-- reversal by its reference, and each reversal is reinstated at most once; if the payment is reversed
-- again, that reversal has another reference.
create or replace function ledger.reinstate_payment(p_told ledger.told, p_payment ledger.payment)
returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reversal ledger_tx := reversal_named(p_payment, p_told.detail->>'reversal_reference');
    conflict text := reinstatement_conflict(p_told, p_payment, reversal);
    losses bigint;
    place bigint;
begin
    if conflict is null and exists (
           select from ledger_tx where kind = 'reinstatement' and ref = reversal.ref) then
        return record_aftermath(p_told, draw_position(), 'duplicate', null, null);
    end if;
    if conflict is null and refunds_full(p_payment, p_told.amount) then
        conflict := 'reinstatement_exceeds_deposit';
    end if;
    if conflict is not null then
        return record_aftermath(p_told, draw_position(), 'conflict', conflict, null);
    end if;
    losses := house_account_made(p_payment, 'losses', p_payment.currency);
    perform lock_balances(array[
        p_payment.customer_account_id, p_payment.provider_account_id, p_payment.fees_account_id,
        p_payment.merchant_account_id, losses]);
    place := draw_position();
    perform write_transaction(place, 0, 'reinstatement', reversal.ref, p_payment.payment_id,
        p_told.occurred_at, reinstatement_legs(p_payment, reversal, losses));
    perform count_reversed(p_told, p_payment, -p_told.amount);
    return record_aftermath(p_told, place, 'applied', null, 'reinstatement');
end
$$;
