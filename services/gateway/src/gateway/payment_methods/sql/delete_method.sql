delete from gateway.payment_method
where payment_method_id = $1 and merchant_id = $2 and livemode = $3 and kind = 'phone'
returning payment_method_id
