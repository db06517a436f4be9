-- revision: 5 9f160e071a069798
-- Reverse a completed payment, or a part of it. Each reversal has a reference that the worker chose,
-- and is posted once; together they never exceed the payment.
create or replace function ledger.reverse_payment(p_result ledger.result_row, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    known ledger_tx := reversal_known(p_result, p_payment);
    conflict text := reversal_conflict(p_result, p_payment);
    exchange bigint[];
    losses bigint;
    place bigint;
begin
    if conflict is not null or known.tx_id is not null then
        return record_post_settlement(p_result, draw_position(),
            case when conflict is null then 'duplicate' else 'conflict' end, conflict, null);
    end if;
    if p_payment.type = 'deposit' or losses_of_reversals(p_payment) > 0 then
        losses := house_account_made(p_payment, 'losses', p_payment.currency);
    end if;
    exchange := exchange_accounts(p_payment);
    perform lock_balances(array[
        p_payment.customer_account_id, p_payment.provider_account_id, p_payment.fees_account_id,
        p_payment.merchant_account_id, losses] || exchange);
    place := draw_position();
    perform write_transaction(place, 0, 'reversal',
        p_payment.payment_id || coalesce(':' || (p_result.detail->>'reversal_reference'), ''),
        p_payment.payment_id, p_result.occurred_at,
        case p_payment.type
            when 'deposit' then deposit_legs_reversed(p_payment, p_result.amount, losses)
            else payout_legs_reversed(
                p_payment, p_result.amount, losses, losses_of_reversals(p_payment)) end
        || exchange_legs(exchange, exchanged_of(p_result.detail), -1));
    perform count_reversed(p_result, p_payment, p_result.amount);
    return record_post_settlement(p_result, place, 'applied', null, 'reversal');
end
$$;
