select payment_id, merchant_id, livemode, customer_id, type, method, status, minor, currency,
       fee_minor, net_minor, parent_payment_id, refunded_minor, refund_pending_minor,
       reversed_minor, disputed_minor,
       provider_reference, failure, next_action, instrument, description, return_url, metadata,
       estimated_arrival, next_check_at, version, created_at, updated_at
from ledger.payment
where merchant_id = $1 and livemode = $2
  and ($3::text is null or customer_id = $3)
  and ($4::text is null or status = $4)
  and ($5::text is null or method = $5)
  and ($6::text is null or type = $6)
  and ($7::timestamptz is null or created_at > $7)
  and ($8::timestamptz is null or created_at < $8)
  and ($9::timestamptz is null or (created_at, payment_id) < ($9, $10::uuid))
order by created_at desc, payment_id desc
limit $11
