delete from gateway.rail_status where seen_at < $1
