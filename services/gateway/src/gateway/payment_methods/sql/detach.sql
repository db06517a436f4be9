-- Make a method unusable. The row remains, because results of the worker may still arrive for it.
-- Only if the state is still the one that the caller has read ($5): whether the provider needs a
-- command ($6 is null: no) depends on it.
with detached as (
    update gateway.payment_method
    set state = 'detached', detached_at = $4, updated_at = $4, next_action = null, failure = null,
        forgotten_at = case state when 'failed' then $4::timestamptz end
    where payment_method_id = $1 and merchant_id = $2 and livemode = $3
      and state = $5
    returning payment_method_id
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $6, $7, $8::jsonb, $9::bytea from detached where $6::text is not null
)
select payment_method_id from detached
