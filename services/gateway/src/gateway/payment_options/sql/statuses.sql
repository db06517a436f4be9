select rail, available, reason, reported_at, seen_at, since, float_low
from gateway.rail_status
