-- revision: 1 2ff4420029dd380e
-- Refuse a decision of an operator: CF020, with a message fit to show.
create or replace function ledger.refuse(p_message text) returns void
language plpgsql
as $$
begin
    raise exception '%', p_message using errcode = 'CF020';
end
$$;
