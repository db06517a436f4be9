-- revision: 1 4e6f7c7b7e9635c3
-- Lower what is available on an account, if it is there. Raises CF001 (insufficient_funds).
create or replace function ledger.set_aside(p_account_id bigint, p_amount numeric) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    -- the guard is in the update itself, so it is judged on the row as it is once it is locked
    update balance
    set held = held + p_amount
    where account_id = p_account_id
      and (floor is null or normal * posted - held - p_amount >= floor);
    if not found then
        raise exception 'insufficient_funds' using errcode = 'CF001';
    end if;
end
$$;
