-- revision: 2 de29b7a57bd2b820
-- Refuse an operator's decision: raises CF020 with a message that can be shown to the operator.
create or replace function ledger.refuse(p_message text) returns void
language plpgsql
as $$
begin
    raise exception '%', p_message using errcode = 'CF020';
end
$$;
