select account.currency, balance.posted, balance.held
from ledger.account
join ledger.balance using (account_id)
where account.tenant = $1 and account.code = any($2::text[])
order by account.currency
