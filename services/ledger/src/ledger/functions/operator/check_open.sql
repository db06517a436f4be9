-- revision: 2 0f10850d552e71c6
-- Refuse if the hold has ended. The caller has locked the balance, so a hold ends only once.
create or replace function ledger.check_open(p_hold_id bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    ended text;
begin
    select state into ended from hold where hold_id = p_hold_id and state <> 'held';
    if found then
        perform refuse(format('the hold has ended: it was %s', ended));
    end if;
end
$$;
