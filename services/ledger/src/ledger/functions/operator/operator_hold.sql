-- revision: 1 6dd1879ca5c89882
-- A hold that people placed, and may end; those of payments and disputes end with these.
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
