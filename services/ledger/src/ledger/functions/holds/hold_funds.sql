-- revision: 2 d55ff865b80fa336
-- Hold an amount under a key chosen by the caller. `p_expires_at` null: the hold does not expire.
-- Raises CF001 if the amount is not available. Returns the hold's id; a repeat with the same key,
-- account and amount returns the same id, and different terms under the same key raise
-- unique_violation.
create or replace function ledger.hold_funds(
    p_key text, p_account_id bigint, p_amount numeric, p_reason text, p_at timestamptz,
    p_expires_at timestamptz default null
) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    known hold;
    new_id bigint;
begin
    if p_amount <= 0 or p_expires_at <= p_at then
        raise exception 'a hold takes an amount above zero and ends after it began'
            using errcode = 'invalid_parameter_value';
    end if;
    perform lock_balances(array[p_account_id]);
    select * into known from hold where hold_key = p_key;
    if not found then
        perform set_aside(p_account_id, p_amount);
        insert into hold (hold_key, account_id, amount, reason, created_at, expires_at)
        values (p_key, p_account_id, p_amount, p_reason, p_at, p_expires_at)
        returning hold_id into new_id;
        return new_id;
    end if;
    if (known.account_id, known.amount) is distinct from (p_account_id, p_amount) then
        raise exception 'hold % exists with another account or amount', p_key
            using errcode = 'unique_violation';
    end if;
    return known.hold_id;
end
$$;
