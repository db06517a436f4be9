-- Apply one result of the worker. The results of a setup have an increasing seq, so a repeated or
-- outdated one changes nothing. `detached` answers another command, and is final. A method that was
-- deleted here stays deleted, whatever the setup reports: if the provider has saved it after all, the
-- command in $12 to $15 removes it there.
--
-- `known` locks the row, and so waits for a concurrent delete. The update itself starts from its
-- snapshot of the row, which may be older (PostgreSQL computes the row again after it finds it
-- changed). So every value that depends on the state comes from `known`.
with known as materialized (
    select payment_method_id, state, attempt_id, seq, detached_at
    from gateway.payment_method
    where payment_method_id = $1
    for no key update
),
fits as materialized (
    select state as was, detached_at,
           $2::text = 'detached' or attempt_id is null
           or (attempt_id = $3::uuid and seq < $4::integer) as is_new
    from known
),
changed as (
    update gateway.payment_method saved
    set state = case when fits.was = 'detached' or $2 = 'detached' then 'detached'
                     else case $2 when 'action_required' then 'requires_action'
                                  when 'saved' then 'active'
                                  when 'failed' then 'failed'
                                  else fits.was end end,
        attempt_id = case when $2 = 'detached' then saved.attempt_id else $3 end,
        seq = case when $2 = 'detached' then saved.seq else $4 end,
        public = coalesce($6::jsonb, saved.public, saved.card),
        sealed = case when $2 = 'detached' then null else coalesce($7::text, saved.sealed) end,
        customer_sealed = case when $2 = 'detached' then null
                               else coalesce($8::text, saved.customer_sealed) end,
        fingerprint = case when $2 = 'detached' then null
                           else coalesce($9::text, saved.fingerprint) end,
        next_action = case when $2 = 'action_required' and fits.was <> 'detached'
                           then $10::jsonb end,
        failure = case when $2 = 'failed' and fits.was <> 'detached' then $11::jsonb end,
        verified_at = case when $2 = 'saved' then coalesce(saved.verified_at, $5::timestamptz)
                           else saved.verified_at end,
        detached_at = case when $2 = 'detached' then coalesce(fits.detached_at, $5)
                           else fits.detached_at end,
        forgotten_at = case when $2 = 'detached' or ($2 = 'failed' and fits.was = 'detached')
                            then coalesce(saved.forgotten_at, $5) else saved.forgotten_at end,
        updated_at = greatest(saved.updated_at, $5)
    from fits
    where saved.payment_method_id = $1 and not saved.kept_here and fits.is_new
    returning saved.state, pg_notify('cift_method', $1::text) is null as notified
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $12, $13, $14::jsonb, $15::bytea
    from changed where changed.state = 'detached' and $12::text is not null
)
select fits.was, exists (select from changed) as applied
from fits
