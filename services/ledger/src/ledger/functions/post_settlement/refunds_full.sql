-- revision: 1 ab2a6461d2b3ff38
-- True if a reinstated refund of `p_minor` does not fit into its deposit any more, because other
-- refunds have taken its place. The caller must hold the deposit's row lock.
create or replace function ledger.refunds_full(p_payment ledger.payment, p_minor numeric) returns boolean
language sql stable
set search_path = ledger, pg_temp
as $$
    select exists (
        select from payment parent
        where parent.payment_id = p_payment.parent_payment_id
          and parent.refunded_minor + parent.refund_pending_minor + p_minor > parent.minor)
$$;
