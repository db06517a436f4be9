select dispute.*, payment.method as payment_method
from ledger.dispute
join ledger.payment using (payment_id)
where dispute.reference = $1 and payment.merchant_id = $2 and payment.livemode = $3
order by dispute.method
limit 1
