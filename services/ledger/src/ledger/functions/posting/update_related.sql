-- revision: 3 50c4e140fbcc2908
-- Update what depends on a payment's new status: the list of unfinished payments, and the refund
-- totals of the deposit that it refunds.
create or replace function ledger.update_related(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    delete from unfinished
    where payment_id = any (array(
        select v.payment_id
        from unnest(p_decisions) v
        where v.to_status in ('completed', 'failed', 'expired', 'canceled')));

    insert into unfinished
    select v.payment_id
    from unnest(p_decisions) v
    where v.to_status = 'in_review' and v.from_status in ('failed', 'expired', 'canceled');

    update payment parent
    set refund_pending_minor = parent.refund_pending_minor - refunds.ended,
        refunded_minor = parent.refunded_minor + refunds.completed
    from (
        select v.parent_payment_id,
            sum(v.minor) as ended,
            coalesce(sum(v.minor) filter (where v.to_status = 'completed'), 0) as completed
        from unnest(p_decisions) v
        where v.type = 'refund'
          and v.from_status in ('pending', 'processing', 'requires_action')
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
        group by v.parent_payment_id
    ) refunds
    where parent.payment_id = refunds.parent_payment_id
      and parent.payment_id = any (array(select parent_payment_id from unnest(p_decisions)));
end
$$;
