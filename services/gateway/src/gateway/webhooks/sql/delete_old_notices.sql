delete from gateway.inbox
where ctid = any(array(
    select ctid from gateway.inbox
    where received_at < $1 and disposition = 'published' limit 5000
))
