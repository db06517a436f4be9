-- revision: 3 68568f3a90ff44bf
-- Draw one log position for each result, in their order; returned by place in the batch.
create or replace function ledger.draw_positions(p_decisions ledger.decision[]) returns bigint[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    positions bigint[] := '{}';
    this_place integer;
begin
    for this_place in select v.place from unnest(p_decisions) v loop
        positions[this_place] := draw_position();
    end loop;
    return positions;
end
$$;
