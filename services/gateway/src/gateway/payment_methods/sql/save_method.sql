-- Answers the row either way; `fresh` says whether it was made just now.
insert into gateway.payment_method (
    payment_method_id, merchant_id, livemode, customer_id, method, kind, display, sealed, country,
    fingerprint, created_at
)
values ($1, $2, $3, $4, $5, 'phone', $6, $7, $8, $9, $10)
on conflict (merchant_id, livemode, customer_id, method, fingerprint) where kind = 'phone'
    do update set country = excluded.country
returning *, payment_method_id = $1 as fresh
