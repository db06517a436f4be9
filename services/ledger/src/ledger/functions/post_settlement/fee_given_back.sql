-- revision: 1 c185bb4c40c7fd21
-- The part of a payment's fee that its reversals have given back (for a refund: taken back), less
-- what was reinstated.
create or replace function ledger.fee_given_back(p_payment ledger.payment) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select case when p_payment.reversed_minor = 0 then 0 else (
        select coalesce(abs(sum(e.amount)), 0)
        from ledger_tx tx
        join entry e using (tx_id)
        where tx.payment_id = p_payment.payment_id
          and tx.kind in ('reversal', 'reinstatement')
          and e.account_id = p_payment.fees_account_id) end
$$;
