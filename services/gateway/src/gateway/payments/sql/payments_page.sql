select payment_id, merchant_id, livemode, customer_id, type, method, rail, status, minor, currency,
       fee_minor, net_minor, parent_payment_id, refunded_minor, refund_pending_minor,
       reversed_minor, disputed_minor, requested_minor,
       provider_reference, failure, next_action, instrument, description, return_url, metadata,
       estimated_arrival, next_check_at, version, created_at, updated_at
from ledger.payment
where merchant_id = $1 and livemode = $2{filters}
order by created_at {order}, payment_id {order}
limit $3
