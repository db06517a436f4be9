select * from gateway.payment_method where payment_method_id = $1 and not kept_here and rail = any($2::text[])
