-- revision: 2 40131f404bce2449
-- End a hold: the caller is about to post `p_captured` of it (null unless `p_state` is captured);
-- the rest becomes available again. The caller has locked the balance. Raises restrict_violation if
-- the hold has already ended, check_violation if more would be captured than is held.
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
