-- revision: 2 8fb968a17ac0cdce
-- Set the log position to `p_position` for the next replayed input; refused if the log has reached
-- that position already.
create or replace function ledger.begin_replay(p_position bigint) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    if (select last_value >= p_position and is_called from log_position) then
        raise exception 'position % is behind the end of these books', p_position
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform setval('ledger.log_position', p_position, false);
end
$$;
