-- The digests of transactions $1 < tx_id <= $2, computed as ledger.transaction_digests does
-- (functions/chain defines what is hashed). The computation is repeated here on purpose: an
-- attacker who can edit the journal can also edit the function.
select tx.tx_id, tx.payment_id, sha256(convert_to(json_build_array(
    tx.kind, tx.ref, tx.payment_id,
    to_char(tx.effective_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    (select coalesce(json_agg(json_build_array(
         a.tenant, a.code, e.currency, e.amount::text, e.balance_after::text,
         e.account_version::text) order by e.seq), '[]')
     from ledger.entry e left join ledger.account a using (account_id)
     where e.tx_id = tx.tx_id))::text, 'UTF8')) as digest
from ledger.ledger_tx tx
where tx.tx_id > $1 and tx.tx_id <= $2
order by tx.tx_id
