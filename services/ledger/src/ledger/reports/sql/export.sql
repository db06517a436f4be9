-- The journal, one row per entry, in journal order: entries booked from $1 and before $2.
select tx.tx_id, tx.kind, tx.ref, tx.payment_id, tx.created_at as booked_at, tx.effective_at,
    e.seq, split_part(a.tenant, ':', -1) as mode, a.tenant, a.code, a.class, e.currency, e.amount,
    e.balance_after
from ledger.ledger_tx tx
join ledger.entry e using (tx_id)
join ledger.account a using (account_id)
where tx.created_at >= $1 and tx.created_at < $2
  and ($3::text is null or split_part(a.tenant, ':', -1) = $3)
order by e.tx_id, e.seq
