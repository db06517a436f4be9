select * from gateway.payment_method
where payment_method_id = $1 and merchant_id = $2 and livemode = $3 and state <> 'detached'
  and rail = any($4::text[])
