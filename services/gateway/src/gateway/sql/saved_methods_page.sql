select * from gateway.payment_method
where merchant_id = $1 and livemode = $2 and state <> 'detached'
  and ($3::text is null or customer_id = $3)
  and ($4::timestamptz is null or (created_at, payment_method_id) < ($4, $5::uuid))
order by created_at desc, payment_method_id desc
limit $6
