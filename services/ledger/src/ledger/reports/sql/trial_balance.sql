-- Every account with its balance as of $1 (null: now), with customers' accounts summed. Debit
-- balances and credit balances are in separate columns; equal sums prove that the ledger balances.
with past as (
    select account_id, posted from ledger.balance where $1::timestamptz is null
    union all
    select account_id, sum(amount) from ledger.entry where created_at <= $1 group by account_id
)
select split_part(a.tenant, ':', -1) as mode, a.currency, a.class,
    case a.kind when 'customer' then 'customer:*:' || a.currency else a.code end as account,
    count(*) as accounts,
    sum(greatest(past.posted, 0)) as debit,
    sum(greatest(-past.posted, 0)) as credit
from past
join ledger.account a using (account_id)
where ($2::text is null or split_part(a.tenant, ':', -1) = $2)
  and ($3::text is null or a.currency = $3)
group by 1, 2, 3, 4
order by 1, 2, array_position(
    array['asset', 'liability', 'equity', 'revenue', 'expense'], a.class), 4
