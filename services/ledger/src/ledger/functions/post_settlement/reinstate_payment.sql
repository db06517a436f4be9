-- revision: 4 208838d2f2b68e3d
-- Reinstate one reversal of a completed payment: post it with opposite signs. The result names the
-- reversal by its reference, and each reversal is reinstated at most once; if the payment is reversed
-- again, that reversal has another reference.
create or replace function ledger.reinstate_payment(p_result ledger.result_row, p_payment ledger.payment)
returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reversal ledger_tx := reversal_named(p_payment, p_result.detail->>'reversal_reference');
    conflict text := reinstatement_conflict(p_result, p_payment, reversal);
    losses bigint;
    place bigint;
begin
    if conflict is null and exists (
           select from ledger_tx where kind = 'reinstatement' and ref = reversal.ref) then
        return record_post_settlement(p_result, draw_position(), 'duplicate', null, null);
    end if;
    if conflict is null and refunds_full(p_payment, p_result.amount) then
        conflict := 'reinstatement_exceeds_deposit';
    end if;
    if conflict is not null then
        return record_post_settlement(p_result, draw_position(), 'conflict', conflict, null);
    end if;
    losses := house_account_made(p_payment, 'losses', p_payment.currency);
    perform lock_balances(array[
        p_payment.customer_account_id, p_payment.provider_account_id, p_payment.fees_account_id,
        p_payment.merchant_account_id, losses] || exchange_accounts(p_payment));
    place := draw_position();
    perform write_transaction(place, 0, 'reinstatement', reversal.ref, p_payment.payment_id,
        p_result.occurred_at, reinstatement_legs(p_payment, reversal, losses));
    perform count_reversed(p_result, p_payment, -p_result.amount);
    return record_post_settlement(p_result, place, 'applied', null, 'reinstatement');
end
$$;
