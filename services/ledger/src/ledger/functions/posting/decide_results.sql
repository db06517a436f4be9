-- revision: 10 e621ab68d27d156c
-- Decide what each result of a round means for its payment. Only reads.
create or replace function ledger.decide_results(
    p_batch ledger.result_row[], p_orders ledger.result_order[], p_round integer
) returns ledger.decision[]
language plpgsql stable
set search_path = ledger, pg_temp
as $$
begin
return (
    with facts as (
        select
            b.place, b.outbox_id, b.detail, b.traceparent, b.result_id, b.payment_id, b.attempt_id,
            b.seq,
            b.occurred_at, b.amount, b.currency, b.provider_fee, b.provider_fee_currency,
            b.provider_reference, b.failure, b.next_action, b.public, b.next_check_at,
            b.kind as sent_kind,
            -- a settlement without a valid amount is treated as conflicting evidence
            case when b.kind = 'settled' and (
                    coalesce(b.amount, 0) <= 0 or b.currency is null or b.provider_fee < 0
                    or (b.provider_fee is null) <> (b.provider_fee_currency is null)
                    or not exchange_fits(p.pricing, exchanged_of(b.detail), b.amount, b.currency))
                then 'conflicting' else b.kind end as kind,
            p.status, p.version, p.type, p.rail, p.livemode, p.minor, p.fee_minor, p.net_minor,
            p.parent_payment_id, p.customer_account_id, p.provider_account_id, p.fees_account_id,
            p.merchant_account_id, p.suspense_posted,
            p.status in ('pending', 'processing', 'requires_action') as is_open,
            b.amount = p.minor and b.currency = p.currency as amount_matches,
            p.amount_policy = 'as_received' and b.currency = p.currency as takes_what_arrives,
            p.pricing,
            coalesce(b.attempt_id = p.attempt_id and b.seq <= p.attempt_seq, false) as overtaken,
            b.provider_reference <> p.provider_reference as other_reference,
            b.provider_fee <> p.provider_fee_minor
                or b.provider_fee_currency <> p.provider_fee_currency as other_fee,
            b.provider_reference is not null and p.provider_reference is null as new_reference,
            b.provider_fee is not null and p.provider_fee_minor is null as new_fee,
            b.public is not null and coalesce(jsonb_strip_nulls(p.instrument->'public'),
                p.instrument->'card', '{}') = '{}' as new_public
        from unnest(p_batch, p_orders) b
        join payment p on p.payment_id = b.payment_id
        where b.round = p_round
          and p.payment_id = any (array(select payment_id from unnest(p_batch)))
    ),
    aimed as (
        select facts.*,
            case kind
                when 'submitted' then 'processing'
                when 'unknown' then 'processing'
                when 'action_required' then 'requires_action'
                when 'settled' then 'completed'
                when 'declined' then 'failed'
                when 'expired' then 'expired'
                when 'canceled' then 'canceled'
                when 'conflicting' then 'in_review'
            end as target,
            kind = 'settled' and provider_reference is not null and exists (
                select from receipt known
                where known.method = facts.rail
                  and known.reference = facts.provider_reference
                  and known.payment_id <> facts.payment_id) as reference_taken,
            case when kind = 'settled' and is_open and takes_what_arrives and not amount_matches
                then fee_by_pricing(pricing, amount, currency) end as received_fee
        from facts
    ),
    ruled as materialized (
        select aimed.*,
            case
                when kind = 'noted' then 'note'

                -- progress: ignored if out of order or if the payment has ended
                when kind in ('submitted', 'action_required', 'unknown') then case
                    when overtaken or not is_open then 'stale'
                    when kind = 'unknown' and status <> 'pending' then 'note'
                    when kind = 'submitted' and status = 'processing' then 'note'
                    else 'move' end

                -- money moved: post the settlement, or post to suspense for an operator
                when kind = 'settled' then case
                    when reference_taken then 'reused'
                    when is_open and amount_matches then 'move'
                    -- another amount that covers its fee; otherwise it is posted to suspense
                    when received_fee < amount then 'move'
                    when status = 'completed' then case
                        when not amount_matches or other_reference or other_fee then 'conflict'
                        when new_reference or new_fee or new_public then 'fill'
                        else 'duplicate' end
                    when suspense_posted then 'conflict'  -- also after an operator's resolution
                    else 'suspend' end

                -- a payment at the provider is canceled only if the provider confirms it
                when kind = 'canceled' and status in ('processing', 'requires_action')
                    and failure->>'code' is distinct from 'canceled_at_provider' then 'conflict'

                -- no money moved, or the evidence conflicts
                when exists (select from payment_transition t
                             where t.from_status = aimed.status and t.to_status = aimed.target)
                    then 'move'
                when status = target then 'duplicate'
                when is_open or status in ('completed', 'in_review') then 'conflict'
                else 'stale'
            end as ruling
        from aimed
    ),
    decided as (
        select ruled.*,
            case
                when ruling = 'move' and target <> 'in_review' then 'applied'
                when ruling = 'fill' then 'applied'
                when ruling = 'note' then 'noted'
                when ruling in ('move', 'reused', 'suspend') then 'conflict'
                else ruling
            end as outcome,
            case
                when ruling = 'move' then target
                when ruling = 'reused' and is_open then 'in_review'
                when ruling = 'suspend' and status <> 'in_review' then 'in_review'
            end as to_status,
            case
                when ruling = 'suspend' then 'suspense'
                when ruling = 'move' and kind = 'settled' then 'settlement'
            end as posting,
            kind = 'settled' and ruling in ('move', 'fill', 'suspend') as believed,
            -- a provider may charge for what its recipient has refused, too
            (kind = 'settled' and ruling in ('move', 'fill', 'suspend'))
                or (kind = 'declined' and ruling = 'move' and provider_fee > 0
                    and provider_fee_currency is not null) as fee_believed,
            ruling = 'move' and received_fee is not null as received,
            case
                when ruling = 'reused' then 'provider_reference_reused'
                when kind <> sent_kind then 'settlement_unreadable'
                when ruling = 'move' and received_fee is not null then 'amount_as_received'
                when ruling = 'suspend' and is_open and takes_what_arrives then case
                    when received_fee is null then 'fee_unknown' else 'amount_within_fee' end
                when ruling = 'suspend' and is_open then 'amount_mismatch'
                when ruling = 'suspend' then 'settled_after_' || status
            end as why
        from ruled
    )
    select array_agg(row(
        place, outbox_id, detail, traceparent, result_id, payment_id, attempt_id, seq, sent_kind,
        occurred_at, amount, currency,
        case when fee_believed and new_fee then provider_fee end,
        case when fee_believed and new_fee then provider_fee_currency end,
        case when believed and new_reference then provider_reference end,
        failure, next_action,
        case when believed or kind = 'action_required' then public end,
        next_check_at, type, rail, livemode,
        case when received then amount else minor end,
        case when received then received_fee else fee_minor end,
        case when not received then net_minor when merchant_account_id is null
            then amount - received_fee else amount end,
        parent_payment_id,
        customer_account_id, provider_account_id, fees_account_id, merchant_account_id,
        outcome, status, to_status, version + (to_status is not null or ruling = 'fill')::integer,
        to_status is not null or ruling = 'fill',
        posting, fee_believed and new_fee and provider_fee > 0,
        to_status is not null or believed or (is_open and ruling = 'note'),
        why)::decision order by place)
    from decided
);
end
$$;
