select merchant_id, livemode, scopes, digest, expires_at, revoked_at
from gateway.api_key
where key_id = $1
