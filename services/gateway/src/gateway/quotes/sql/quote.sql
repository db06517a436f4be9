select quote_id, type, method, rail, minor, currency, fee_minor, network_fee_minor, net_minor, bearer,
       pricing, created_at, expires_at
from gateway.quote
where quote_id = $1 and merchant_id = $2 and livemode = $3
