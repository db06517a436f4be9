select dispute.*, payment.method as payment_method
from ledger.dispute
join ledger.payment using (payment_id)
where payment.merchant_id = $1 and payment.livemode = $2{filters}
order by dispute.opened_at {order}, dispute.reference {order}
limit $3
