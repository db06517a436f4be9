-- revision: 1 f63c783c9f9b4e87
-- Take what a hold holds, or a part of it and free the rest, into `adjustments:<CUR>`. `p`: key,
-- amount (minor units as text, null: all), operator, reason, at. Answers the transaction. Raises
-- CF020 when the hold has ended or holds less.
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
