delete from gateway.verification
where payment_id in (
    select payment_id from gateway.verification where requested_at < $1 limit 1000)
