-- revision: 7 970ed1ee33fb878e
-- Update the payments, and the deposits they refund, to their new state.
create or replace function ledger.update_payments(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    touched bigint;
    expected bigint;
begin
    if exists (select from unnest(p_decisions) v where v.reason = 'amount_as_received') then
        perform receive_amounts(p_decisions);
    end if;
    update payment p
    set status = coalesce(v.to_status, p.status),
        version = v.version,
        provider_reference = coalesce(p.provider_reference, v.provider_reference),
        provider_fee_minor = coalesce(p.provider_fee_minor, v.provider_fee),
        provider_fee_currency = coalesce(p.provider_fee_currency, v.provider_fee_currency),
        suspense_posted = p.suspense_posted or coalesce(v.posting = 'suspense', false),
        failure = case
            when v.to_status is null then p.failure
            when v.to_status in ('failed', 'expired', 'canceled') then v.failure end,
        next_action = case
            -- how far a payment is that is being processed; a result without it takes nothing away
            when v.to_status is null then coalesce(v.next_action, p.next_action)
            when v.to_status in ('requires_action', 'processing') then v.next_action end,
        instrument = case
            when v.public is null then p.instrument
            else coalesce(p.instrument, '{}') || jsonb_build_object('public', v.public) end,
        next_check_at = case
            when coalesce(v.to_status, p.status) in ('pending', 'processing', 'requires_action')
                then v.next_check_at end,
        updated_at = case
            when v.changed then greatest(p.updated_at, v.occurred_at) else p.updated_at end,
        attempt_id = v.attempt_id,
        attempt_seq = case
            when p.attempt_id = v.attempt_id then greatest(p.attempt_seq, v.seq) else v.seq end,
        heard_at = greatest(p.heard_at, v.occurred_at),
        sweep_count = 0,
        swept_at = null
    from unnest(p_decisions) v
    where v.counts
      and p.payment_id = v.payment_id
      and p.payment_id = any (array(select payment_id from unnest(p_decisions)))
      and (v.to_status is null or exists (
          select from payment_transition t
          where t.from_status = p.status and t.to_status = v.to_status));

    get diagnostics touched = row_count;
    select count(*) into expected from unnest(p_decisions) v where v.counts;
    if touched <> expected then
        raise exception '% payments to update, % updated', expected, touched
            using errcode = 'data_corrupted';
    end if;

    insert into receipt (method, reference, payment_id)
    select v.rail, v.provider_reference, v.payment_id
    from unnest(p_decisions) v
    where v.provider_reference is not null;
end
$$;
