select entry.entry_id, entry.tx_id, tx.payment_id, tx.kind, payment.type as payment_type,
       entry.currency, entry.amount, entry.balance_after, entry.created_at
from ledger.account
cross join lateral (
    -- an index scan by account and version that starts at the page's first entry, so a page far
    -- back in a long history costs no more than the newest one
    select * from ledger.entry
    where entry.account_id = account.account_id
      and entry.account_version <= ledger.version_as_of(account.account_id, $3, $4)
    order by entry.account_version desc
    limit $5
) entry
join ledger.ledger_tx tx using (tx_id)
left join ledger.payment using (payment_id)
where account.tenant = $1 and account.code = any($2::text[])
order by entry.entry_id desc
limit $5
