-- revision: 2 c2a7c46c86293f15
-- Draw one log position for each result, in their order; returned by place in the batch.
create or replace function ledger.draw_positions(p_verdicts ledger.verdict[]) returns bigint[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    positions bigint[] := '{}';
    this_place integer;
begin
    for this_place in select v.place from unnest(p_verdicts) v loop
        positions[this_place] := draw_position();
    end loop;
    return positions;
end
$$;
