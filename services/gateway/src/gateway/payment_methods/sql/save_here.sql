-- Returns the row in both cases; `fresh` is true if this statement inserted it.
insert into gateway.payment_method (
    payment_method_id, merchant_id, livemode, customer_id, method, rail, kind, display, sealed,
    country, public, fingerprint, created_at, kept_here
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, true)
on conflict (merchant_id, livemode, customer_id, method, fingerprint) where kept_here
    do update set country = excluded.country
returning *, payment_method_id = $1 as fresh
