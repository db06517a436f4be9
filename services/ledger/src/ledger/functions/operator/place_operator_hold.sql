-- revision: 2 9b614a65cc28b37f
-- Hold money of a customer for an operator. `p`: key, merchant_id, livemode, customer_id, currency,
-- amount (minor units as text), until (or null), operator, reason, at. A repeat of the same order
-- changes nothing. Returns the key. Raises CF020 if the amount is not available.
create or replace function ledger.place_operator_hold(p jsonb) returns text
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    tenant_name text := (p->>'merchant_id') || ':' || mode_of((p->>'livemode')::boolean);
    code_name text := 'customer:' || (p->>'customer_id') || ':' || (p->>'currency');
    hold_name text := 'operator:' || (p->>'key');
    wanted numeric := (p->>'amount')::numeric;
    target bigint;
    known hold;
begin
    perform check_signed(p);
    select account_id into target from account where tenant = tenant_name and code = code_name;
    if not found then
        perform refuse(format('%s has no account %s', tenant_name, code_name));
    end if;
    if wanted <= 0 or (p->>'until')::timestamptz <= (p->>'at')::timestamptz then
        perform refuse('a hold takes an amount above zero and ends after it began');
    end if;
    perform lock_balances(array[target]);
    select * into known from hold where hold_key = hold_name;
    if found and (known.account_id, known.amount, known.expires_at)
       is distinct from (target, wanted, (p->>'until')::timestamptz) then
        perform refuse(format('hold %s exists with other terms', p->>'key'));
    elsif not found then
        perform check_available(target, 0, -wanted);
        perform take_input('hold_place', p);
        perform hold_funds(hold_name, target, wanted, p->>'reason', (p->>'at')::timestamptz,
            (p->>'until')::timestamptz);
    end if;
    return p->>'key';
end
$$;

grant execute on function ledger.place_operator_hold(jsonb) to cift_operator;
