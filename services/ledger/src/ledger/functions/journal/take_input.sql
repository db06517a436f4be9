-- revision: 1 3fced3b7183c2c84
-- Keep an input and answer its position. To be called once the balances it touches are locked, and
-- before it posts: then the order of positions is the order in which balances changed.
create or replace function ledger.take_input(p_kind text, p_input jsonb) returns bigint
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    place bigint := draw_position();
begin
    insert into input (position, kind, input) values (place, p_kind, p_input);
    return place;
end
$$;
