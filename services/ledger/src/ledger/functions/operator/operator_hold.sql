-- revision: 2 08a1423a288dbea1
-- A hold placed by an operator, which an operator may end. Holds of payments and disputes end with
-- their payment or dispute.
create or replace function ledger.operator_hold(p_key text) returns ledger.hold
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    found_hold hold;
begin
    select * into found_hold from hold where hold_key = 'operator:' || p_key;
    if not found then
        perform refuse(format('no hold %s has been placed by people', p_key));
    end if;
    return found_hold;
end
$$;
