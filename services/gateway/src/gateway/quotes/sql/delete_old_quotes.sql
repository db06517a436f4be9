delete from gateway.quote
where ctid = any(array(
    select ctid from gateway.quote where expires_at < $1 limit 5000
))
