-- revision: 2 c472821c6d435407
-- Add to a payment's reversed amount (negative: what was reinstated), and keep the provider's
-- reference as a receipt of this payment. A refund's amount is refunded no longer, or again.
create or replace function ledger.count_reversed(
    p_told ledger.told, p_payment ledger.payment, p_minor numeric
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into receipt (method, reference, payment_id)
    select p_payment.rail, p_told.provider_reference, p_payment.payment_id
    where p_told.provider_reference is not null
    on conflict do nothing;
    update payment
    set reversed_minor = reversed_minor + p_minor, version = version + 1,
        updated_at = greatest(updated_at, p_told.occurred_at)
    where payment_id = p_payment.payment_id;
    update payment set refunded_minor = refunded_minor - p_minor
    where payment_id = p_payment.parent_payment_id;
end
$$;
