-- revision: 2 5f47e98f7aa6c2dd
-- Capture a hold into `adjustments:<CUR>`: all of it, or a part, and release the rest. `p`: key,
-- amount (minor units as text, null: all), operator, reason, at. Returns the transaction. Raises
-- CF020 if the hold has ended or holds less.
create or replace function ledger.capture_hold(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    held hold := operator_hold(p->>'key');
    taken numeric := coalesce((p->>'amount')::numeric, held.amount);
    ours bigint;
begin
    perform check_signed(p);
    select open_account('house:' || split_part(tenant, ':', -1), 'adjustments:' || currency)
    into ours from account where account_id = held.account_id;
    perform lock_balances(array[held.account_id, ours]);
    perform check_open(held.hold_id);
    if taken <= 0 or taken > held.amount then
        perform refuse('the amount must be above zero and at most what is held');
    end if;
    return capture_at(take_input('hold_capture', p), held, ours, taken, (p->>'at')::timestamptz);
end
$$;

grant execute on function ledger.capture_hold(jsonb) to cift_operator;
