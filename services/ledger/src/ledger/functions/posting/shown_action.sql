-- revision: 2 562da3846e0b0990
-- What the payer must do next, without the fields that are encrypted for the gateway.
--
-- No search path of its own and no table read: so the planner can inline it into the calling
-- statement. A function call for each row would double the cost of an event.
create or replace function ledger.shown_action(p_action jsonb) returns jsonb
language sql immutable
return (
    select jsonb_object_agg(key, value)
    from jsonb_each(p_action)
    where right(key, 7) <> '_sealed');
