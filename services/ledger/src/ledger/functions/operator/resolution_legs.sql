-- revision: 2 628805407d7ed876
-- The legs that complete a payment: its settlement minus the amount that is already posted to
-- suspense.
create or replace function ledger.resolution_legs(p_done ledger.payment, p_suspended ledger.suspended)
returns ledger.leg[]
language sql stable
set search_path = ledger, pg_temp
as $$
    select array_agg(row(account_id, amount)::leg order by place)
    from (values
        (1, p_done.provider_account_id,
            case p_done.type when 'deposit' then p_done.minor else -p_done.minor end
            + coalesce(p_suspended.amount, 0)),
        (2, p_done.customer_account_id,
            case p_done.type when 'deposit' then -p_done.net_minor else p_done.net_minor end),
        (3, p_done.fees_account_id,
            case p_done.type when 'refund' then p_done.fee_minor else -p_done.fee_minor end),
        (4, p_done.merchant_account_id,
            case p_done.type when 'refund' then -p_done.fee_minor else p_done.fee_minor end),
        (5, p_suspended.account_id, -p_suspended.amount)
    ) as legs (place, account_id, amount)
    where account_id is not null
$$;
