-- revision: 3 37d18373866b1035
-- The part of an instrument that may be shown, without what is sealed for the worker.
--
-- No search path of its own and no table read: so the planner can inline it into the calling
-- statement. A function call for each row would double the cost of an event.
create or replace function ledger.shown_instrument(p_instrument jsonb) returns json
language sql stable
return case
    when jsonb_typeof(p_instrument->'public') = 'object' then
        (jsonb_build_object('kind', p_instrument->'kind') || (p_instrument->'public'))::json
    -- Instruments that releases before `public` stored:
    when p_instrument->>'kind' = 'card' then json_build_object(
        'kind', 'card',
        'brand', p_instrument->'card'->'brand',
        'last4', p_instrument->'card'->'last4',
        'exp_month', p_instrument->'card'->'exp_month',
        'exp_year', p_instrument->'card'->'exp_year')
    else json_build_object(
        'kind', p_instrument->'kind',
        'phone', p_instrument->'display',
        'country', p_instrument->'country')
    end;
