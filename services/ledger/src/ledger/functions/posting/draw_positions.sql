-- revision: 1 9aacad5f7c4ef2c2
-- One number of the log for each result, in their order; by place in the batch.
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
