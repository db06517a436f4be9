select tx.tx_id, tx.kind, tx.created_at, entry.seq, account.code, entry.amount, entry.currency
from ledger.ledger_tx tx
join ledger.entry using (tx_id)
join ledger.account using (account_id)
where tx.payment_id = $1
order by tx.created_at, tx.tx_id, entry.seq
