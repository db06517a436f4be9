-- revision: 4 4ab99c734ec3462b
-- Add to a payment's reversed amount (negative for a reinstatement), and store the provider's
-- reference as a receipt of this payment. For a refund, the deposit's refunded amount changes by the
-- opposite amount.
create or replace function ledger.count_reversed(
    p_result ledger.result_row, p_payment ledger.payment, p_minor numeric
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into receipt (method, reference, payment_id)
    select p_payment.rail, p_result.provider_reference, p_payment.payment_id
    where p_result.provider_reference is not null
    on conflict do nothing;
    update payment
    set reversed_minor = reversed_minor + p_minor, version = version + 1,
        updated_at = greatest(updated_at, p_result.occurred_at)
    where payment_id = p_payment.payment_id;
    update payment set refunded_minor = refunded_minor - p_minor
    where payment_id = p_payment.parent_payment_id;
end
$$;
