-- revision: 3 b8b2d90548879ebf
-- The share of the deposit's fee for a refund whose amount turns out to be `p_minor`, or a refusal
-- if the deposit has less left to refund.
create or replace function ledger.refund_terms(
    p_payment ledger.payment, p_held ledger.hold, p_minor numeric
) returns numeric
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    parent payment;
begin
    select * into strict parent from payment where payment_id = p_payment.parent_payment_id;
    if p_held.state = 'held' then
        parent.refund_pending_minor := parent.refund_pending_minor - p_payment.minor;
    end if;
    if parent.refunded_minor + parent.refund_pending_minor + parent.disputed_minor
       + parent.reversed_minor + p_minor > parent.minor then
        perform refuse('the deposit has less than that left to give back');
    end if;
    return refund_fee_share(parent, p_minor, p_payment.payment_id);
end
$$;
