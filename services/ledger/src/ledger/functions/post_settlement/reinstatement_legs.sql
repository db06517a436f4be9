-- revision: 1 235691a172bd6ca9
-- The legs of a reversal with opposite signs. A customer whose payout is reinstated pays as much as
-- is still available, and the rest is our loss. The caller must hold the locks.
create or replace function ledger.reinstatement_legs(
    p_payment ledger.payment, p_reversal ledger.ledger_tx, p_losses bigint
) returns ledger.leg[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    missing numeric;
begin
    -- a reinstated deposit credits the customer: then nothing can be missing
    select greatest(0, coalesce(-sum(amount), 0) - available(p_payment.customer_account_id))
    into missing
    from entry
    where tx_id = p_reversal.tx_id and account_id = p_payment.customer_account_id;
    return array(
        select row(account_id, case account_id when p_payment.customer_account_id
            then -amount - missing else -amount end)::leg
        from entry
        where tx_id = p_reversal.tx_id
        order by seq) || row(p_losses, missing)::leg;
end
$$;
