-- revision: 2 18a9a8d14323c9e2
-- The legs that reverse `p_minor` of a withdrawal or a refund: its settlement with opposite signs, in
-- proportion. Our loss from an earlier reinstatement (`p_covered`) is repaid first. The caller must
-- hold the locks.
create or replace function ledger.payout_legs_reversed(
    p_payment ledger.payment, p_minor numeric, p_losses bigint, p_covered numeric
) returns ledger.leg[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    by_merchant boolean := p_payment.merchant_account_id is not null;
    side integer := case p_payment.type when 'refund' then -1 else 1 end;  -- of the fee
    fee numeric := reversed_fee_share(
        p_payment, p_minor, p_payment.reversed_minor, fee_given_back(p_payment));
    back numeric;
    covered numeric;
begin
    if p_payment.type = 'refund' and not by_merchant then
        fee := least(fee, p_minor);
    end if;
    back := p_minor + case when by_merchant then 0 else side * fee end;
    covered := least(p_covered, back);
    return array[
        row(p_payment.provider_account_id, p_minor)::leg,
        row(p_payment.customer_account_id, covered - back)::leg,
        row(p_payment.fees_account_id, side * fee)::leg]
        || case when by_merchant then array[row(p_payment.merchant_account_id, -side * fee)::leg]
           else '{}' end
        || case when covered > 0 then array[row(p_losses, -covered)::leg] else '{}' end;
end
$$;
