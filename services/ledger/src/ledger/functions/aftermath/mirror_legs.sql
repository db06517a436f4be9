-- revision: 2 c7d74641a0c94d12
-- The legs of a withdrawal's or a refund's settlement with opposite signs.
create or replace function ledger.mirror_legs(p_payment ledger.payment) returns ledger.leg[]
language sql immutable
return array[
    row(p_payment.provider_account_id, p_payment.minor)::ledger.leg,
    row(p_payment.customer_account_id, -p_payment.net_minor)::ledger.leg,
    row(p_payment.fees_account_id,
        case p_payment.type when 'refund' then -1 else 1 end * p_payment.fee_minor)::ledger.leg]
    || case when p_payment.merchant_account_id is null then '{}' else array[
        row(p_payment.merchant_account_id,
            case p_payment.type when 'refund' then 1 else -1 end * p_payment.fee_minor
        )::ledger.leg] end;
