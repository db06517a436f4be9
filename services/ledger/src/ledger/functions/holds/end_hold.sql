-- revision: 1 9b201c1bf6717289
-- End a hold: `p_captured` of it is about to be posted (null unless `p_state` is captured), the
-- rest is available again. The caller has locked the balance. Raises restrict_violation when the
-- hold has ended already, check_violation when more is captured than held.
create or replace function ledger.end_hold(
    p_hold_id bigint, p_state text, p_captured numeric, p_at timestamptz
) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    ended hold;
begin
    update hold
    set state = p_state, captured = p_captured, ended_at = p_at
    where hold_id = p_hold_id
    returning * into strict ended;
    update balance set held = held - ended.amount where account_id = ended.account_id;
end
$$;
