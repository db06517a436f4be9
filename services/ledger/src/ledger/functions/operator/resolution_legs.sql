-- revision: 1 5457ea37f15410c5
-- What completes a payment: its settlement, less what stands in suspense already.
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
