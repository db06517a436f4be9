-- revision: 3 a8872695a1e7ce4e
-- Set deposits with the policy `as_received` to their settled amounts, where these differ from the
-- requested ones. Called before the deposit is completed: afterwards its amounts are fixed.
create or replace function ledger.receive_amounts(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    update payment p
    set requested_minor = p.minor, minor = v.minor, fee_minor = v.fee_minor,
        net_minor = v.net_minor
    from unnest(p_decisions) v
    where v.reason = 'amount_as_received'
      and p.payment_id = v.payment_id
      and p.payment_id = any (array(select payment_id from unnest(p_decisions)));
end
$$;
