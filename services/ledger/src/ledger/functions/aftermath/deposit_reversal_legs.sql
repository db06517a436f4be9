-- revision: 2 0ae1c5d3d7b5f7ff
-- The legs that reverse a deposit: the customer pays as much as is still available, up to the net
-- amount; our fee is given back; the rest is our loss. Amounts that refunds of this deposit have
-- taken or reserved are not taken again. The caller must hold the locks.
create or replace function ledger.deposit_reversal_legs(p_payment ledger.payment, p_losses bigint)
returns ledger.leg[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    by_merchant boolean := p_payment.merchant_account_id is not null;
    fee numeric;
    own numeric;
begin
    select p_payment.fee_minor - coalesce(sum(refund.fee_minor), 0),
        p_payment.net_minor - coalesce(sum(refund.net_minor), 0)
    into fee, own
    from payment refund
    join hold using (payment_id)
    where refund.parent_payment_id = p_payment.payment_id
      and hold.state in ('held', 'captured')
      and refund.reversed_minor = 0;
    own := least(own, available(p_payment.customer_account_id));
    return array[
        row(p_payment.provider_account_id, -p_payment.minor)::leg,
        row(p_payment.customer_account_id, own)::leg,
        row(p_payment.fees_account_id, fee)::leg,
        row(p_losses, p_payment.minor - own - case when by_merchant then 0 else fee end)::leg]
        || case when by_merchant then array[row(p_payment.merchant_account_id, -fee)::leg]
           else '{}' end;
end
$$;
