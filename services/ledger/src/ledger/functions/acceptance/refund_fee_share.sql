-- revision: 1 d68ed19f49c23851
-- The part of a deposit's fee that goes back with a refund: proportional to all that is given back
-- so far, less what went back before. So shares never drift, and the last refund returns the rest.
-- Must be called under the deposit's row lock. `p_except`: a refund of it that does not count.
create or replace function ledger.refund_fee_share(
    p_parent ledger.payment, p_minor numeric, p_except uuid default null
) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    -- div(2a + b, 2b) is a / b rounded half up, in whole numbers only
    select least(p_minor, greatest(0,
        div(2 * p_parent.fee_minor
                * (p_parent.refunded_minor + p_parent.refund_pending_minor + p_minor)
                + p_parent.minor,
            2 * p_parent.minor)
        - coalesce(sum(refund.fee_minor), 0)))
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_parent.payment_id
      and (hold.state = 'held' or refund.status = 'completed')
      and refund.reversed_minor = 0
      and refund.payment_id is distinct from p_except
$$;
