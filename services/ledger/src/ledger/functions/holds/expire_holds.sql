-- revision: 2 5d33efc4dd6fe145
-- End up to `p_limit` holds whose expiry time has passed, and return the number ended.
create or replace function ledger.expire_holds(p_now timestamptz, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    due bigint[];
    over jsonb;
begin
    select array_agg(account_id) into due
    from (select account_id from hold
          where state = 'held' and expires_at <= p_now
          order by expires_at, hold_id limit p_limit) oldest;
    perform lock_balances(due);
    -- read again under the locks: another transaction may have ended some of the holds
    select jsonb_agg(hold_key order by hold_key) into over
    from (select hold_key from hold
          where state = 'held' and expires_at <= p_now and account_id = any (due)
          order by expires_at, hold_id limit p_limit) still_due;
    if over is null then
        return 0;
    end if;
    perform end_expired(jsonb_build_object('hold_keys', over, 'at', p_now));
    return jsonb_array_length(over);
end
$$;

grant execute on function ledger.expire_holds(timestamptz, integer) to cift_ledger;
