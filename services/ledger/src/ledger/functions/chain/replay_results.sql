-- revision: 2 f050ee119eda053c
-- Replay results that have `p_position` and the positions after it.
--
-- For `cift ledger rebuild`: replays the log in a database that no service uses, each input at its
-- original position. Positions only increase.
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
