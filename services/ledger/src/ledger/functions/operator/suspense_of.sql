-- revision: 2 f2e4a8b4fcb1ac63
-- The balance that a payment has in suspense; the amount is the entry's, debit positive.
create or replace function ledger.suspense_of(p_payment_id uuid) returns ledger.suspended
language sql stable
set search_path = ledger, pg_temp
as $$
    select row(e.account_id, e.amount, e.currency)::suspended
    from ledger_tx tx
    join entry e using (tx_id)
    join account a using (account_id)
    where tx.kind = 'suspense' and tx.ref = p_payment_id::text and a.kind = 'suspense'
$$;

grant execute on function ledger.suspense_of(uuid) to cift_operator;
