delete from gateway.payment_method
where ctid = any(array(
    select ctid from gateway.payment_method where forgotten_at < $1 limit 5000
))
