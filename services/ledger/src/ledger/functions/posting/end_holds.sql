-- revision: 3 050e58a8eac2ce79
-- End the holds of payments that have reached a final status.
create or replace function ledger.end_holds(p_decisions ledger.decision[], p_booked_at timestamptz)
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
        from unnest(p_decisions) v
        where v.type <> 'deposit'
          and v.to_status in ('completed', 'failed', 'expired', 'canceled')
          and hold.payment_id = v.payment_id
          and hold.payment_id = any (array(
              select payment_id from unnest(p_decisions) where type <> 'deposit'))
          and hold.state = 'held'
        returning hold.account_id, hold.amount
    )
    update balance
    set held = balance.held - total.amount
    from (select account_id, sum(amount) as amount from ended group by account_id) total
    where balance.account_id = total.account_id
      and balance.account_id = any (array(
          select customer_account_id from unnest(p_decisions) where type <> 'deposit'));
end
$$;
