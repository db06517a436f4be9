-- revision: 2 e301e9d7d0358bcd
-- The payment as it will be after an operator has resolved it as failed.
create or replace function ledger.failed_terms(p_payment ledger.payment) returns ledger.payment
language plpgsql immutable
as $$
begin
    p_payment.status := 'failed';
    p_payment.failure := jsonb_build_object(
        'code', 'resolved_as_failed', 'category', 'declined', 'retryable', true,
        'message', 'The payment did not go through; our support has looked into it.');
    return p_payment;
end
$$;
