-- revision: 4 36419f0e5542d7e0
-- The state of a dispute after this update. Amounts never decrease. Status, reason and the other
-- descriptive fields come from the update with the latest time, in whatever order the updates
-- arrive.
create or replace function ledger.dispute_after(
    p_before ledger.dispute, p_result ledger.result_row, p_payment ledger.payment
) returns ledger.dispute
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    news jsonb := p_result.detail->'dispute';
    after dispute := p_before;
begin
    if p_before.reference is null or p_result.occurred_at >= p_before.updated_at then
        after.status := news->>'status';
        after.reason := news->>'reason';
        after.minor := (news #>> '{amount,minor}')::numeric;
        after.currency := news #>> '{amount,currency}';
        after.evidence_due_by := (news->>'evidence_due_by')::timestamptz;
        after.closed := coalesce(news->>'closed', p_before.closed);
    end if;
    after.closed := coalesce(after.closed, news->>'closed');  -- a closed dispute stays closed
    after.method := p_payment.rail;
    after.reference := news->>'reference';
    after.payment_id := p_payment.payment_id;
    -- set by the first money that moves; until then the currency of the disputed amount is assumed
    after.money_currency := case
        when p_before.withdrawn_minor > 0 or p_before.reinstated_minor > 0
            then p_before.money_currency
        else coalesce(news #>> '{withdrawn,currency}', news #>> '{reinstated,currency}',
            p_before.money_currency, after.currency) end;
    after.fee_currency := coalesce(p_before.fee_currency, news #>> '{fee,currency}',
        news #>> '{fee_reinstated,currency}');
    after.withdrawn_minor := greatest(
        p_before.withdrawn_minor, (news #>> '{withdrawn,minor}')::numeric, 0);
    after.reinstated_minor := greatest(
        p_before.reinstated_minor, (news #>> '{reinstated,minor}')::numeric, 0);
    after.fee_minor := greatest(p_before.fee_minor, (news #>> '{fee,minor}')::numeric, 0);
    after.fee_reinstated_minor := greatest(
        p_before.fee_reinstated_minor, (news #>> '{fee_reinstated,minor}')::numeric, 0);
    after.lost_minor := coalesce(p_before.lost_minor, 0);
    if after.closed = 'lost' and after.lost_minor = 0 then
        after.lost_minor := greatest(0, after.withdrawn_minor - after.reinstated_minor);
    end if;
    after.opened_at := coalesce(p_before.opened_at, p_result.occurred_at);
    after.updated_at := p_before.updated_at;
    if after is distinct from p_before then
        after.updated_at := greatest(p_before.updated_at, p_result.occurred_at);
    end if;
    return after;
end
$$;
