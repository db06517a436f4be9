select * from gateway.payment_method
where merchant_id = $1 and livemode = $2 and state <> 'detached' and rail = any($4::text[]){filters}
order by created_at {order}, payment_method_id {order}
limit $3
