-- The number of entries that an export will write.
select count(*) as entries, count(distinct e.tx_id) as transactions
from ledger.ledger_tx tx
join ledger.entry e using (tx_id)
join ledger.account a using (account_id)
where tx.created_at >= $1 and tx.created_at < $2
  and ($3::text is null or split_part(a.tenant, ':', -1) = $3)
