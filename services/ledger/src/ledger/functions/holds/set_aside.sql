-- revision: 2 24bedee11c0737eb
-- Reserve an amount on an account if it is available. Raises CF001 (insufficient_funds) otherwise.
create or replace function ledger.set_aside(p_account_id bigint, p_amount numeric) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    -- the condition is part of the update, so it is evaluated on the row after it is locked
    update balance
    set held = held + p_amount
    where account_id = p_account_id
      and (floor is null or normal * posted - held - p_amount >= floor);
    if not found then
        raise exception 'insufficient_funds' using errcode = 'CF001';
    end if;
end
$$;
