-- revision: 1 00db4562b5649fb5
-- What the payer must do, without what is sealed for the gateway.
--
-- No search path of its own, and no table read: so the planner puts it into the statement that uses it.
-- A call for each row would double the cost of an event.
create or replace function ledger.shown_action(p_action jsonb) returns jsonb
language sql immutable
return (
    select jsonb_object_agg(key, value)
    from jsonb_each(p_action)
    where right(key, 7) <> '_sealed');
