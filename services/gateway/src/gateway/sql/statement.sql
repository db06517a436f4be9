select entry.entry_id, entry.tx_id, tx.payment_id, tx.kind, entry.currency, entry.amount,
       entry.balance_after, entry.created_at
from ledger.account
cross join lateral (
    -- newest first along the account's own index, so a long history costs no more than a page
    select * from ledger.entry
    where entry.account_id = account.account_id
      and entry.created_at <= $3
      and ($4::bigint is null or entry.entry_id < $4)
    order by entry.account_version desc
    limit $5
) entry
join ledger.ledger_tx tx using (tx_id)
where account.tenant = $1 and account.code = any($2::text[])
order by entry.entry_id desc
limit $5
