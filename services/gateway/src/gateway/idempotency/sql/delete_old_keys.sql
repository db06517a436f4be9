delete from gateway.idempotency_key
where ctid = any(array(
    select ctid from gateway.idempotency_key where expires_at < $1 limit 5000
))
