-- revision: 3 770c926eaaa7e359
-- The share of a deposit's fee that is given back with a refund: the share for the total refunded
-- or reversed so far including this refund, minus the shares already given back. So rounding errors do not
-- accumulate, and the last refund returns the rest. The caller must hold the deposit's row lock.
-- `p_except`: a refund of this deposit to leave out.
create or replace function ledger.refund_fee_share(
    p_parent ledger.payment, p_minor numeric, p_except uuid default null
) returns numeric
language sql stable
set search_path = ledger, pg_temp
as $$
    -- div(2a + b, 2b) is a / b rounded half up, with integer division only
    select least(p_minor, greatest(0,
        div(2 * p_parent.fee_minor
                * (p_parent.refunded_minor + p_parent.refund_pending_minor
                    + p_parent.reversed_minor + p_minor)
                + p_parent.minor,
            2 * p_parent.minor)
        - coalesce(sum(refund.fee_minor - fee_given_back(refund)), 0)
        - fee_given_back(p_parent)))
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_parent.payment_id
      and (hold.state = 'held' or refund.status = 'completed')
      and refund.payment_id is distinct from p_except
$$;
