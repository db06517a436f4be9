delete from gateway.payment_method
where payment_method_id = $1 and merchant_id = $2 and livemode = $3
returning payment_method_id
