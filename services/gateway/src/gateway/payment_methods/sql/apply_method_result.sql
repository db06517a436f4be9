-- One answer of the worker. Those of the setup count upwards by seq, so a repeat or a late one
-- changes nothing; `detached` is an answer to another command, and final. What was deleted here
-- stays deleted, whatever the setup still says: one that was saved after all is forgotten there too,
-- by the command in $12 to $15.
--
-- Whoever deletes in the same moment is waited for in `known`. The update still begins with the row
-- as it was before (constraints are looked at before it is found changed, and then it is computed
-- anew), so what belongs to the state comes from `known`.
with known as materialized (
    select payment_method_id, state, attempt_id, seq, detached_at
    from gateway.payment_method
    where payment_method_id = $1
    for no key update
),
fits as materialized (
    select state as was, detached_at,
           $2::text = 'detached' or attempt_id is null
           or (attempt_id = $3::uuid and seq < $4::integer) as news
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
    where saved.payment_method_id = $1 and not saved.kept_here and fits.news
    returning saved.state, pg_notify('cift_method', $1::text) is null as told
),
published as (
    insert into gateway.outbox (topic, key, headers, body)
    select $12, $13, $14::jsonb, $15::bytea
    from changed where changed.state = 'detached' and $12::text is not null
)
select fits.was, exists (select from changed) as applied
from fits
