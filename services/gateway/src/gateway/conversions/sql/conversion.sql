select conversion_id, customer_id, from_minor, from_currency, to_minor, to_currency, rate,
       market_rate, spread_bps, rate_source, rate_as_of, tx_id, livemode, requested_at
from ledger.conversion
where conversion_id = $1 and merchant_id = $2 and livemode = $3 and customer_id = $4
