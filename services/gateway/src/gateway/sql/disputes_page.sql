select dispute.*
from ledger.dispute
join ledger.payment using (payment_id)
where payment.merchant_id = $1 and payment.livemode = $2
  and ($3::text is null or dispute.status = $3)
  and ($4::uuid is null or dispute.payment_id = $4)
  and ($5::text is null or payment.customer_id = $5)
  and ($6::timestamptz is null or (dispute.opened_at, dispute.reference) < ($6, $7::text))
order by dispute.opened_at desc, dispute.reference desc
limit $8
