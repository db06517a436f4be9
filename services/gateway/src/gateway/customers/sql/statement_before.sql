-- The previous page: like statement.sql in reverse order, starting at the oldest entry that is
-- newer than entry $4.
select entry.entry_id, entry.tx_id, tx.payment_id, tx.kind, payment.type as payment_type,
       entry.currency, entry.amount, entry.balance_after, entry.created_at
from ledger.account
cross join lateral (
    select * from ledger.entry
    where entry.account_id = account.account_id
      and entry.account_version > ledger.version_as_of(
            account.account_id, null, least($4::bigint, 9223372036854775806) + 1)
      and entry.account_version <= ledger.version_as_of(account.account_id, $3)
    order by entry.account_version
    limit $5
) entry
join ledger.ledger_tx tx using (tx_id)
left join ledger.payment using (payment_id)
where account.tenant = $1 and account.code = any($2::text[])
order by entry.entry_id
limit $5
