insert into gateway.quote (
    quote_id, merchant_id, livemode, type, method, rail, minor, currency, fee_minor, network_fee_minor,
    net_minor, bearer, pricing, created_at, expires_at
)
select quote_id, $1, $2, type, method, rail, minor, currency, fee_minor, network_fee_minor, net_minor,
       bearer, pricing, $4, $5
from jsonb_populate_record(null::gateway.quote, $3::jsonb)
