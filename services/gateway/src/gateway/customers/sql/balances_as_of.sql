select account.currency, past.posted, past.held
from ledger.account
cross join lateral ledger.balance_as_of(account.account_id, $3) past
where account.tenant = $1 and account.code = any($2::text[])
order by account.currency
