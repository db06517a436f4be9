-- revision: 2 b82ebdbc68709265
-- Our loss from reversals and reinstatements of a payment, less what later ones have repaid.
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
