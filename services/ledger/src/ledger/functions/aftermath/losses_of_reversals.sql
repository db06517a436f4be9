-- revision: 1 44b07825e8a75a7f
-- What reversals and reinstatements of a payment have made our loss, and have not made good.
create or replace function ledger.losses_of_reversals(p_payment ledger.payment) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    select coalesce(sum(e.amount), 0)
    from ledger_tx tx
    join entry e using (tx_id)
    join account a using (account_id)
    where tx.payment_id = p_payment.payment_id
      and tx.kind in ('reversal', 'reinstatement')
      and a.kind = 'losses'
$$;
