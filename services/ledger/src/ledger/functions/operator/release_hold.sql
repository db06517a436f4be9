-- revision: 2 0381008376e3e56f
-- Release a hold. `p`: key, operator, reason, at. Raises CF020 if it has ended.
create or replace function ledger.release_hold(p jsonb) returns void
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    held hold := operator_hold(p->>'key');
begin
    perform check_signed(p);
    perform lock_balances(array[held.account_id]);
    perform check_open(held.hold_id);
    perform take_input('hold_release', p);
    perform end_hold(held.hold_id, 'released', null, (p->>'at')::timestamptz);
end
$$;

grant execute on function ledger.release_hold(jsonb) to cift_operator;
