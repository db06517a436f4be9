select hold.state, hold.amount, account.currency, hold.created_at
from ledger.hold
join ledger.account using (account_id)
where hold.payment_id = $1
