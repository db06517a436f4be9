-- The holds of the payment itself and of its disputes.
select hold.state, hold.amount, hold.captured, account.currency, hold.created_at,
       hold.hold_key is not null as disputed
from ledger.hold
join ledger.account using (account_id)
where hold.payment_id = $1
   or hold.hold_key in (
       select concat_ws(':', 'dispute', dispute.method, dispute.reference)
       from ledger.dispute where dispute.payment_id = $1)
order by hold.created_at, hold.hold_id
