-- revision: 1 949f8a964758a0fd
-- The legs that reverse `p_minor` of a deposit: the customer pays as much as is still available, up
-- to the net amount; our fee is given back; the rest is our loss. Amounts that refunds or reversals
-- of this deposit have taken or reserved are not taken again. The caller must hold the locks.
create or replace function ledger.deposit_legs_reversed(
    p_payment ledger.payment, p_minor numeric, p_losses bigint
) returns ledger.leg[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    by_merchant boolean := p_payment.merchant_account_id is not null;
    gone numeric;   -- refunded, reserved for refunds, or reversed
    given numeric;  -- of the fee
    entitled numeric;
    fee numeric;
    own numeric;
begin
    select p_payment.reversed_minor + coalesce(sum(refund.minor - refund.reversed_minor), 0),
        fee_given_back(p_payment)
            + coalesce(sum(refund.fee_minor - fee_given_back(refund)), 0)
    into gone, given
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_payment.payment_id
      and (hold.state = 'held' or refund.status = 'completed');
    entitled := least(p_minor, greatest(0, p_payment.minor - gone));
    fee := reversed_fee_share(p_payment, p_minor, gone, given);
    if not by_merchant then
        fee := least(fee, entitled);
    end if;
    own := least(entitled - case when by_merchant then 0 else fee end,
        available(p_payment.customer_account_id));
    return array[
        row(p_payment.provider_account_id, -p_minor)::leg,
        row(p_payment.customer_account_id, own)::leg,
        row(p_payment.fees_account_id, fee)::leg,
        row(p_losses, p_minor - own - case when by_merchant then 0 else fee end)::leg]
        || case when by_merchant then array[row(p_payment.merchant_account_id, -fee)::leg]
           else '{}' end;
end
$$;
