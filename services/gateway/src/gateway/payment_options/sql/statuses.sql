select rail, available, reason, reported_at, seen_at, since, float_low, network_fees
from gateway.rail_status
