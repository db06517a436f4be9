-- revision: 1 13164d512f0ff3d0
-- Results that stood at `p_position` and the positions after it.
--
-- Takes in the log again, in books that nobody else uses, each input at its old position (`cift ledger
-- rebuild`). Positions only go forward.
create or replace function ledger.replay_results(p_position bigint, p_results jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
set jit = off
as $$
begin
    perform begin_replay(p_position);
    perform apply_results(p_results);
    perform end_replay(p_position + jsonb_array_length(p_results) - 1);
end
$$;
