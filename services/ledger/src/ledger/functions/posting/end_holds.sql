-- revision: 2 27de2b6a0e7c5398
-- End the holds of payments that have reached a final status.
create or replace function ledger.end_holds(p_verdicts ledger.verdict[], p_booked_at timestamptz)
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    with ended as (
        update hold
        set state = case v.to_status
                when 'completed' then 'captured' when 'expired' then 'expired' else 'released' end,
            captured = case v.to_status when 'completed' then hold.amount end,
            ended_at = v.occurred_at,
            end_booked_at = p_booked_at
        from unnest(p_verdicts) v
        where v.type <> 'deposit'
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
          and hold.payment_id = v.payment_id
          and hold.payment_id = any (array(
              select payment_id from unnest(p_verdicts) where type <> 'deposit'))
          and hold.state = 'held'
        returning hold.account_id, hold.amount
    )
    update balance
    set held = balance.held - total.amount
    from (select account_id, sum(amount) as amount from ended group by account_id) total
    where balance.account_id = total.account_id
      and balance.account_id = any (array(
          select customer_account_id from unnest(p_verdicts) where type <> 'deposit'));
end
$$;
