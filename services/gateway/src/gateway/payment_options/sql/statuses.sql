select rail, available, reason, reported_at, seen_at, since from gateway.rail_status
