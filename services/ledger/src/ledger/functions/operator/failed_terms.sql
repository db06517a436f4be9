-- revision: 1 b945050756f55983
-- The payment as it is once an operator has resolved it as failed.
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
