-- The entries of one payment on a customer's accounts. No page limit by account history: a payment
-- has few transactions.
select entry.entry_id, entry.tx_id, tx.payment_id, tx.kind, payment.type as payment_type,
       entry.currency, entry.amount, entry.balance_after, entry.created_at
from ledger.ledger_tx tx
join ledger.entry using (tx_id)
join ledger.account using (account_id)
join ledger.payment on payment.payment_id = tx.payment_id
where tx.payment_id = $6 and account.tenant = $1 and account.code = any($2::text[])
  and ($3::timestamptz is null or entry.created_at <= $3)
  and ($4::bigint is null or entry.entry_id {beyond} $4)
order by entry.entry_id {order}
limit $5
