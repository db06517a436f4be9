-- revision: 2 b3d226535a30b66a
-- Update the deposit that a resolved refund belongs to.
create or replace function ledger.settle_parent(
    p_before ledger.payment, p_done ledger.payment, p_held ledger.hold
) returns void
language sql volatile
set search_path = ledger, pg_temp
as $$
    update payment
    set refund_pending_minor = refund_pending_minor
            - case when p_held.state = 'held' then p_before.minor else 0 end,
        refunded_minor = refunded_minor
            + case when p_done.status = 'completed' then p_done.minor else 0 end
    where payment_id = p_before.parent_payment_id
$$;
