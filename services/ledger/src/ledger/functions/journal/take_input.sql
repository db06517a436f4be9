-- revision: 2 ee351446709d9c73
-- Store an input and return its log position. Call it after the balances are locked and before
-- posting: then the order of positions is the order in which balances changed.
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
