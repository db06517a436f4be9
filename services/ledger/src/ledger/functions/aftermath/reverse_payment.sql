-- revision: 3 0e1bfeb6478a0d1d
-- Reverse a completed payment: the whole amount, at most once.
create or replace function ledger.reverse_payment(p_told ledger.told, p_payment ledger.payment) returns text
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    conflict text := reversal_conflict(p_told, p_payment);
    losses bigint;
    place bigint;
begin
    if conflict is not null or p_payment.reversed_minor > 0 then
        return record_aftermath(p_told, draw_position(),
            case when conflict is null then 'duplicate' else 'conflict' end, conflict, null);
    end if;
    if p_payment.type = 'deposit' then
        losses := house_account_made(p_payment, 'losses', p_payment.currency);
    end if;
    perform lock_balances(array[
        p_payment.customer_account_id, p_payment.provider_account_id, p_payment.fees_account_id,
        p_payment.merchant_account_id, losses]);
    place := draw_position();
    perform write_transaction(place, 0, 'reversal', p_payment.payment_id::text,
        p_payment.payment_id, p_told.occurred_at,
        case p_payment.type when 'deposit' then deposit_reversal_legs(p_payment, losses)
            else mirror_legs(p_payment) end);
    insert into receipt (method, reference, payment_id)
    select p_payment.rail, p_told.provider_reference, p_payment.payment_id
    where p_told.provider_reference is not null
    on conflict do nothing;
    update payment
    set reversed_minor = minor, version = version + 1,
        updated_at = greatest(updated_at, p_told.occurred_at)
    where payment_id = p_payment.payment_id;
    update payment set refunded_minor = refunded_minor - p_payment.minor
    where payment_id = p_payment.parent_payment_id;
    return record_aftermath(p_told, place, 'applied', null, 'reversal');
end
$$;
