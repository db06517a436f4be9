select request_digest, resource_id, status, location, reply
from gateway.idempotency_key
where merchant_id = $1 and livemode = $2 and route = $3 and key_digest = $4
